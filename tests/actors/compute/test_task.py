"""Commands as tasks: mail, freezing and ending."""

from __future__ import annotations

import os
import queue
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.compute import messages as w
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.process import MOVED
from simulacra.actors.compute.spec import Command, Script, Spec
from simulacra.actors.compute.task import CANNOT_MOVE, CommandTask, Task, start_task
from simulacra.actors.runtime.reason import KILLED, NORMAL, ExitReason


class Run:
    """A task, and what it said."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        self.said: queue.Queue[Any] = queue.Queue()
        self.log = OutputLog(folder / "log", 1000)
        self.task: Task = start_task(
            spec, name="job", host="desk", folder=folder / "work", log=self.log, snapshot=None,
            on_message=self.said.put, on_exit=self.said.put,
        )  # fmt: skip

    def hear(self) -> Any:
        return self.said.get(timeout=60)

    def close(self) -> None:
        self.task.kill()
        assert self.task.join(60)
        self.log.close()


def sleeper(*, restartable: bool = False) -> Spec:
    return Spec(Command(("sleep", "100"), restartable=restartable))


def test_mail_to_a_command_is_taken_as_read(tmp_path: Path) -> None:
    run = Run(tmp_path, sleeper())
    assert run.task.send(w.Mail(3, "somebody", b"", None))
    assert run.hear() == w.Taken(3)
    run.close()
    assert run.hear() == KILLED


def test_a_command_refuses_to_freeze_and_says_what_to_do(tmp_path: Path) -> None:
    run = Run(tmp_path, sleeper())
    run.task.send(w.Freeze("migrate", ticket=7))
    assert run.hear() == w.NotFrozen(CANNOT_MOVE, freezing=True, ticket=7)
    assert "spawn --restartable" in CANNOT_MOVE
    run.close()


def test_one_that_may_be_started_again_ends_with_an_empty_snapshot(tmp_path: Path) -> None:
    run = Run(tmp_path, sleeper(restartable=True))
    run.task.send(w.Freeze("migrate", ticket=7))
    frozen = run.hear()
    assert isinstance(frozen, w.Frozen)
    assert (frozen.size, frozen.ticket) == (0, 7)
    assert frozen.fd is not None
    os.close(frozen.fd)
    assert run.hear() == MOVED
    run.close()


def test_a_script_is_a_worker_and_a_command_is_not(tmp_path: Path) -> None:
    worker = Run(tmp_path, Spec(Script("/x/x.py", "def main(ctx): return 1")))
    assert not isinstance(worker.task, CommandTask)
    said = [worker.hear() for _ in range(3)]
    assert isinstance(said[1], w.Result)
    assert said[2] == NORMAL
    worker.close()
    command = Run(tmp_path, Spec(Command(("false",))))
    ended = command.hear()
    assert isinstance(ended, ExitReason)
    assert ended.detail == 1
    command.close()


def test_what_cannot_be_started_raises(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("in the way")
    log = OutputLog(tmp_path / "log", 1000)
    with pytest.raises(OSError, match="work"):
        start_task(
            sleeper(), name="job", host="desk", folder=tmp_path / "work", log=log, snapshot=None,
            on_message=print, on_exit=print,
        )  # fmt: skip
    log.close()
