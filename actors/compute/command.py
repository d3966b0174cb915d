"""Commands: any program, under the same guard, limits and output log as a worker.

A command has no safe points. It is moved only by starting it again, if it was spawned as
restartable. With a terminal of its own one can attach to it: what it prints goes to the log and to
whoever is attached, and what they type goes to its input.
"""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from simulacra.actors.compute.guarded import GuardedProcess, guard_command
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.process import STOP_GRACE
from simulacra.actors.compute.spec import Command, Limits
from simulacra.actors.runtime.reason import ExitReason


class NoTerminalError(ValueError):
    """The command has no terminal to type into."""


class CommandProcess:
    """A running command.

    Its exit reason is ``normal`` for exit code 0, ``error`` with the code as detail for another
    (127: there is no such program), and else as `process` says.
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
        self._terminal: Final = pty.openpty() if command.pty else None

        def output(data: bytes) -> None:
            log.write(data)
            if on_output is not None:
                on_output(data)

        self._process = GuardedProcess(
            lambda control: guard_command(control, command.argv, terminal=command.pty),
            folder=folder,
            limits=limits or Limits(),
            on_output=output,
            on_exit=on_exit,
            env=env,
            terminal=self._terminal,
        )
        self._process.watch()

    @property
    def pid(self) -> int | None:
        """Its process id, once known."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether ``on_exit`` has yet to return."""
        return self._process.is_alive

    def type(self, data: bytes) -> int:
        """Type into its terminal, without waiting; how many bytes it took.

        Raises:
            NoTerminalError: it has none.
        """
        master = self._master()
        os.set_blocking(master, False)
        try:
            return os.write(master, data)
        except BlockingIOError:
            return 0

    def resize(self, rows: int, columns: int) -> None:
        """Tell it the size of the terminal it is shown on.

        Raises:
            NoTerminalError: it has none.
        """
        fcntl.ioctl(self._master(), termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _master(self) -> int:
        if self._terminal is None or not self.is_alive:
            raise NoTerminalError("this command has no terminal: spawn it with --pty")
        return self._terminal[0]

    def signal(self, number: int) -> None:
        """Send a signal to its process group."""
        self._process.signal(number)

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Ask it to end (SIGTERM), and kill it after ``grace`` seconds; returns at once."""
        self._process.kill_at(time.monotonic() + grace)
        self._process.signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it and all it started; returns at once."""
        self._process.kill()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until ``on_exit`` has returned; whether it has."""
        return self._process.join(timeout)
