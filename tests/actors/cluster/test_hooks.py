"""Commands that run when something happens: what they are told, and that they hold up nobody."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from simulacra.actors.cluster.events import Event
from simulacra.actors.cluster.hooks import WAITING, Hooks
from tests.support import eventually

LOST = Event(3, 7.0, "host.lost", "nas", "nas is down", {"after": 4.0})
Make = Callable[..., Hooks]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Hooks] = []

    def hooks(command: list[str], kind: str = "host.lost", patience: float = 20.0) -> Hooks:
        made.append(Hooks({kind: [command]}, patience=patience))
        return made[-1]

    yield hooks
    for each in made:
        each.close()


def sh(tmp_path: Path, script: str) -> list[str]:
    return ["/bin/sh", "-c", f"cd {tmp_path}; {script}"]


@pytest.mark.parametrize("kind", ["host.lost", "*"])
def test_a_hook_is_told_the_event(make: Make, tmp_path: Path, kind: str) -> None:
    script = 'cat >in; echo "$SIMULACRA_EVENT $SIMULACRA_EVENT_HOST" >env.part; mv env.part env'
    make(sh(tmp_path, script), kind).happened(LOST)
    eventually((tmp_path / "env").exists)
    assert json.loads((tmp_path / "in").read_text()) == LOST.to_plain()
    assert (tmp_path / "env").read_text() == "host.lost nas\n"


def test_other_events_run_nothing(make: Make, tmp_path: Path) -> None:
    hooks = make(sh(tmp_path, "echo >>ran"))
    hooks.happened(Event(1, 0.0, "host.joined", "nas", "up"))
    hooks.happened(LOST)
    eventually((tmp_path / "ran").exists)
    assert (tmp_path / "ran").read_text() == "\n"


def test_what_takes_too_long_is_killed_with_all_it_started(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(
        sh(tmp_path, "sleep 600 & echo $! >pid.part; mv pid.part pid; wait"), patience=0.3
    ).happened(LOST)
    eventually((tmp_path / "pid").exists)
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")
    eventually(lambda: "took over 0.3 s" in caplog.text)


def test_one_that_fails_or_is_not_there_is_logged(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(sh(tmp_path, "echo no paper; exit 3")).happened(LOST)
    eventually(lambda: "ended with 3: no paper" in caplog.text)
    make(["/no/such/program"]).happened(LOST)
    eventually(lambda: "/no/such/program" in caplog.text)


def test_one_that_cannot_be_run_ends_no_other(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    zero = make(["/bin/echo", "a\0b"])
    zero.happened(LOST)
    zero.happened(LOST)
    eventually(lambda: caplog.text.count("null byte") == 2)
    hooks = make(sh(tmp_path, "touch ran"))
    with monkeypatch.context() as full:
        full.setattr(tempfile, "tempdir", str(tmp_path / "none"))
        hooks.happened(LOST)
        eventually(lambda: "No such file" in caplog.text)
    hooks.happened(LOST)
    eventually((tmp_path / "ran").exists)


def test_when_hooks_are_slow_events_are_dropped_and_the_caller_does_not_wait(make: Make) -> None:
    hooks = make([sys.executable, "-c", "import time; time.sleep(600)"])
    for _ in range(WAITING + 5):
        hooks.happened(LOST)
    assert hooks.dropped >= 3
    began = time.monotonic()
    hooks.close()
    assert time.monotonic() - began < 60


def test_what_a_hook_leaves_running_holds_up_no_other_hook(make: Make, tmp_path: Path) -> None:
    left = "setsid sleep 60 & echo $! >left.part; mv left.part left-$(ls left-* | wc -l)"
    hooks = make(sh(tmp_path, left))
    for _ in range(2):
        hooks.happened(LOST)
    try:
        eventually((tmp_path / "left-1").exists)
    finally:
        for file in tmp_path.glob("left-*"):
            psutil.Process(int(file.read_text())).kill()
