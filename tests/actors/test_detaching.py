"""A node that is detached: what it keeps, and what it is after a restart."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from simulacra.actors.compute.spec import Command, Spec
from simulacra.actors.detaching import Away
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from tests.onehost import Host, one_host, until


def file(host: Host) -> Path:
    return host.settings.paths.state / "desk" / "away.json"


def restart(host: Host) -> None:
    host.node.close()
    host.start()


def test_a_host_stays_detached_through_a_restart_until_it_comes_back(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        until(lambda: host.client.item("focus")["acting"])
        assert host.client.item("status")["away"] is None
        end = time.time() + 60
        assert host.node.detaching.leave(end) == []
        restart(host)
        away = host.client.item("status")["away"]
        assert (away["phase"], away["until"], away["master"]) == ("apart", end, "desk")
        host.node.detaching.come_back({"hosts": []})
        restart(host)
        away = host.client.item("status")["away"]
        assert (away["phase"], away["plan"]) == ("rejoining", {"hosts": []})
        host.node.detaching.is_back()
        restart(host)
        assert host.node.detaching.away is None
        assert not file(host).exists()


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"since": 1}', '{"phase": "apart", "x": 1}', "", '{"phase": "gone", "since": 1}'],
)
def test_a_damaged_file_leaves_the_host_detached(tmp_path: Path, content: str) -> None:
    with one_host(tmp_path) as host:
        file(host).write_text(content)
        restart(host)
        away = host.node.detaching.away
        assert away is not None
        assert (away.phase, away.until) == ("apart", None)


def test_what_is_kept_is_read_as_it_was_written(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        host.node.detaching.leave(None)
        kept = Away(**json.loads(file(host).read_text()))
        assert kept == host.node.detaching.away


def test_a_host_that_cannot_keep_it_is_not_detached(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        file(host).mkdir()
        with pytest.raises(OSError, match="away"):
            host.node.detaching.leave(None)
        assert host.node.detaching.away is None
        file(host).rmdir()


def test_what_ended_since_a_time_is_told(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        before = time.time()
        host.spawn(Spec(Command(("true",)), name="early"))
        host.result("early")
        [ended] = host.node.detaching.finished(before)
        assert (ended["name"], ended["host"], ended["state"]) == ("early", "desk", "done")
        assert host.node.detaching.finished(ended["ended"]) == []


@pytest.mark.parametrize("verb", ["detach", "rejoin"])
def test_a_host_in_no_network_has_nothing_to_part_from(tmp_path: Path, verb: str) -> None:
    with one_host(tmp_path) as host:
        with pytest.raises(GatewayError, match="in no network") as caught:
            host.client.item(verb)
        assert caught.value.code is ErrorCode.USAGE
