"""Commands: any program, under the same guard, limits and output log as a worker.

A command has no safe points. It is moved only by starting it again, if it was spawned as
restartable.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from simulacra.actors.compute.console import Stdio
from simulacra.actors.compute.guarded import STOP_GRACE, GuardedProcess, Start
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.spec import Command, Limits
from simulacra.actors.runtime.reason import ExitReason


class CommandProcess(GuardedProcess):
    """A running command.

    Its exit reason is ``normal`` for exit code 0, ``error`` with the code as detail for another
    (127: there is no such program, 126: it cannot be run), and else as `process` says.
    """

    def __init__(
        self,
        command: Command,
        *,
        folder: Path,
        log: OutputLog,
        on_exit: Callable[[ExitReason], None],
        on_output: Callable[[bytes], None] | None = None,
        limits: Limits | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        """Start a command.

        Args:
            command: what to run.
            folder: its working directory, made if need be.
            log: where its output goes; stays the caller's to close.
            on_exit: called once when no process of it is left, in the command's thread.
            on_output: called with what it prints, after it is logged, in the command's thread.
            limits: what it may use.
            env: its environment; None is the node's.

        Raises:
            OSError: it cannot be started.
        """
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(
            program(command.argv, folder=folder, env=env, terminal=command.pty),
            limits=limits or Limits(),
            on_output=log.tee(on_output),
            on_exit=on_exit,
            terminal=command.pty,
        )
        self.watch()

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Ask it to end (SIGTERM), and kill it after ``grace`` seconds; returns at once."""
        self.kill_at(time.monotonic() + grace)
        self.signal(signal.SIGTERM)


def program(
    argv: Sequence[str], *, folder: Path, env: Mapping[str, str] | None, terminal: bool
) -> Start:
    """What starts a guard that runs a program; `guard.main` says what its arguments mean.

    Args:
        argv: the program and its arguments.
        folder: its working directory.
        env: its environment; None is the node's.
        terminal: whether it is to have the terminal among its streams as its own.
    """
    script = str(Path(__file__).with_name("guard.py"))

    def start(control: int, streams: Stdio) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - running what was asked for is its task
            [sys.executable, "-I", "-S", script, str(control), str(int(terminal)), *argv],
            stdin=streams.input,
            stdout=streams.output,
            stderr=streams.errors,
            cwd=folder,
            env=env,
            pass_fds=[control],
            start_new_session=True,
        )

    return start
