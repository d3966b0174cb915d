"""Commands for real, with and without a terminal."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulacra.actors.compute.command import CommandProcess
from simulacra.actors.compute.console import NoTerminalError
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.spec import Command, Limits
from simulacra.actors.runtime.reason import ExitReason
from tests.actors.compute.workers import TIMEOUT, eventually

Run = Callable[..., CommandProcess]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[OutputLog]:
    log = OutputLog(tmp_path / "log", 2**16)
    yield log
    log.close()


@pytest.fixture
def reasons() -> queue.Queue[ExitReason]:
    return queue.Queue()


@pytest.fixture
def run(tmp_path: Path, log: OutputLog, reasons: queue.Queue[ExitReason]) -> Iterator[Run]:
    running: list[CommandProcess] = []

    def start(*argv: str, pty: bool = False, limits: Limits | None = None) -> CommandProcess:
        running.append(
            CommandProcess(
                Command(argv, pty=pty),
                folder=tmp_path / "work",
                log=log,
                on_exit=reasons.put,
                limits=limits,
            )
        )
        return running[-1]

    yield start
    for command in running:
        command.kill()
        assert command.join(TIMEOUT)


def test_output_and_exit_code_are_kept(
    run: Run, log: OutputLog, reasons: queue.Queue[ExitReason]
) -> None:
    run("sh", "-c", "echo hello; exit 3")
    reason = reasons.get(timeout=TIMEOUT)
    assert (reason.kind, reason.detail) == ("error", 3)
    assert log.read() == b"hello\n"


def test_success_is_normal(run: Run, reasons: queue.Queue[ExitReason]) -> None:
    run("true")
    assert reasons.get(timeout=TIMEOUT).kind == "normal"


def test_a_missing_program_is_127_and_says_so(
    run: Run, log: OutputLog, reasons: queue.Queue[ExitReason]
) -> None:
    run("no-such-program")
    assert reasons.get(timeout=TIMEOUT).detail == 127
    assert b"no-such-program: No such file" in log.read()


def test_what_cannot_be_run_is_126_and_says_so(
    run: Run, log: OutputLog, reasons: queue.Queue[ExitReason], tmp_path: Path
) -> None:
    file = tmp_path / "plain"
    file.write_text("no program")
    run(str(file))
    assert reasons.get(timeout=TIMEOUT).detail == 126
    assert b"plain: Permission denied" in log.read()


def test_a_missing_program_is_127_also_where_no_program_can_be_looked_for(
    run: Run, reasons: queue.Queue[ExitReason], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plain"
    file.write_text("no folder")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{file}")
    run("no-such-program")
    assert reasons.get(timeout=TIMEOUT).detail == 127
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{tmp_path}")
    run("plain")
    assert reasons.get(timeout=TIMEOUT).detail == 126


def test_signals_reach_it(run: Run, log: OutputLog, reasons: queue.Queue[ExitReason]) -> None:
    command = run(
        "sh", "-c", "trap 'echo usr1; exit 0' USR1; echo ready; while :; do sleep 0.02; done"
    )
    eventually(lambda: b"ready" in log.read())
    command.signal(signal.SIGUSR1)
    assert reasons.get(timeout=TIMEOUT).kind == "normal"
    assert b"usr1" in log.read()


def test_stop_is_gentle_then_brutal(
    run: Run, log: OutputLog, reasons: queue.Queue[ExitReason]
) -> None:
    gentle = run("sleep", "60")
    eventually(lambda: gentle.pid is not None)
    gentle.stop()
    assert reasons.get(timeout=TIMEOUT).kind == "shutdown"
    stubborn = run("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
    eventually(lambda: b"ready" in log.read())
    stubborn.stop(grace=0.1)
    stubborn.stop(grace=TIMEOUT * 2)  # who asks again puts nothing off
    assert reasons.get(timeout=TIMEOUT).kind == "shutdown"


def test_limits_hold_for_commands(run: Run, reasons: queue.Queue[ExitReason]) -> None:
    run("sleep", "60", limits=Limits(wall=0.2))
    assert reasons.get(timeout=TIMEOUT).detail["limit"] == "wall"


def test_a_terminal_takes_what_is_typed_and_a_size(
    run: Run, log: OutputLog, reasons: queue.Queue[ExitReason]
) -> None:
    shell = run(
        "sh", "-c", "echo ready; read line; test -t 0 && echo got $line; stty size", pty=True
    )
    eventually(lambda: b"ready" in log.read())
    shell.resize(33, 101)
    assert shell.type(b"words\n") == 6
    assert reasons.get(timeout=TIMEOUT).kind == "normal"
    assert b"got words" in log.read()
    assert b"33 101" in log.read()


def test_without_a_terminal_typing_is_refused(run: Run) -> None:
    with pytest.raises(NoTerminalError, match="--tty"):
        run("sleep", "60").type(b"x")


def test_what_is_typed_at_the_end_goes_to_no_other_descriptor(
    tmp_path: Path, log: OutputLog
) -> None:
    ended: queue.Queue[None] = queue.Queue()
    told: queue.Queue[None] = queue.Queue()

    def end(_: ExitReason) -> None:
        ended.put(None)
        told.get(timeout=TIMEOUT)

    command = Command(("true",), pty=True)
    process = CommandProcess(command, folder=tmp_path, log=log, on_exit=end)
    ended.get(timeout=TIMEOUT)
    try:
        with pytest.raises(NoTerminalError, match="ended"):
            process.type(b"x")
    finally:
        told.put(None)
        assert process.join(TIMEOUT)
