"""The log of events: numbered, kept within bounds, read back, followed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from simulacra.actors.cluster import events
from simulacra.actors.cluster.events import Event, EventLog


def test_events_are_numbered_and_found_again_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    log = EventLog(file, wall=lambda: 7.0)
    log.add("host.joined", "nas", "nas is up", address="nas:7400")
    again = EventLog(file)
    event = again.add("host.lost", "nas", "nas is down")
    assert event.number == 2
    found, missed = again.since(0)
    assert found[0] == Event(1, 7.0, "host.joined", "nas", "nas is up", {"address": "nas:7400"})
    assert [each.kind for each in found] == ["host.joined", "host.lost"]
    assert missed == 0
    assert file.stat().st_mode & 0o077 == 0


def test_a_line_cut_off_by_a_crash_costs_only_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "events.jsonl"
    EventLog(file).add("host.joined", "nas", "nas is up")
    with file.open("a") as out:
        out.write('{"number": 2, "ti')
    found, _ = EventLog(file).since(0)
    assert [each.number for each in found] == [1]
    assert "no event" in caplog.text


def test_what_is_kept_no_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEPT", 3)
    log = EventLog()
    for number in range(5):
        log.add("host.joined", f"h{number}", "up")
    found, missed = log.since(1)
    assert [each.host for each in found] == ["h2", "h3", "h4"]
    assert missed == 1
    assert log.since(5) == ([], 0)


def test_a_follower_is_woken_by_the_next_event() -> None:
    log = EventLog()
    got: list[Event] = []
    follower = threading.Thread(target=lambda: got.extend(log.since(0, wait=10.0)[0]))
    follower.start()
    log.add("master.changed", "desk", "desk is master")
    follower.join(60)
    assert [each.host for each in got] == ["desk"]


def test_the_file_takes_turns_with_an_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "FILE_LIMIT", 200)
    file = tmp_path / "events.jsonl"
    log = EventLog(file)
    for number in range(20):
        log.add("host.joined", f"h{number}", "up")
    assert file.stat().st_size < 500
    found, _ = EventLog(file).since(0)
    assert found[-1].number == 20
    assert [each.number for each in found] == sorted(each.number for each in found)


def test_a_disk_that_takes_no_more_costs_only_the_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(tmp_path / "missing" / "events.jsonl")
    log.add("host.joined", "nas", "nas is up")
    assert len(log.since(0)[0]) == 1
    assert "is not in" in caplog.text
