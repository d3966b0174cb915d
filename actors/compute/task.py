"""What runs a computation's code: a worker for Python, a process of its own for a command.

Both are started, frozen, resumed, stopped and killed alike here. A command has no safe points:
freezing one that may be restarted ends it, and resuming starts it again; any other refuses to
freeze.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from simulacra.actors.compute import messages as w
from simulacra.actors.compute.command import CommandProcess
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.process import MOVED, WorkerProcess, wants_terminal
from simulacra.actors.compute.spec import Command, Spec
from simulacra.actors.runtime import ExitReason

CANNOT_MOVE: Final = (
    "it is a running command, which cannot move; one that may be started again elsewhere is "
    "spawned with: simulacra spawn --restartable -- COMMAND"
)


class Task(Protocol):
    """The running code."""

    @property
    def pid(self) -> int | None:
        """Its process id, once known."""

    def send(self, message: w.ToWorker) -> bool:
        """Send it a message; False if it cannot take it now, or ended."""

    def stop(self, why: str = "stop") -> None:
        """Let it end, and make it end after a grace of 5 s; returns at once."""

    def kill(self) -> None:
        """End it now; returns at once."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; whether it has."""


class CommandTask:
    """A command as a task."""

    def __init__(
        self,
        command: Command,
        spec: Spec,
        *,
        folder: Path,
        log: OutputLog,
        on_message: Callable[[w.ToNode], None],
        on_exit: Callable[[ExitReason], None],
    ) -> None:
        self._command = command
        self._on_message = on_message
        self._on_exit = on_exit
        self._freezing: int | None = None
        self.process = CommandProcess(
            command, folder=folder, log=log, on_exit=self._ended, limits=spec.limits
        )  # fmt: skip

    @property
    def pid(self) -> int | None:
        """The command's process id."""
        return self.process.pid

    def send(self, message: w.ToWorker) -> bool:
        """Act on a freeze and a discard; mail is for nobody here, and taken as read."""
        match message:
            case w.Freeze(ticket=ticket) if self._command.restartable:
                self._freezing = ticket
                self.process.stop()
            case w.Freeze(ticket=ticket):
                self._on_message(w.NotFrozen(CANNOT_MOVE, freezing=True, ticket=ticket))
            case w.Mail(n=n):
                self._on_message(w.Taken(n))
        return True

    def stop(self, why: str = "stop") -> None:
        """Send it SIGTERM, and kill it after 5 s."""
        del why
        self.process.stop()

    def kill(self) -> None:
        """Kill it and all it started."""
        self.process.kill()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; whether it has."""
        return self.process.join(timeout)

    def _ended(self, reason: ExitReason) -> None:
        if self._freezing is not None:
            empty = os.memfd_create("command")
            self._on_message(w.Frozen(0, True, 0, 0, self._freezing, (), empty))
            self._on_exit(MOVED)
        else:
            self._on_exit(reason)


def start_task(
    spec: Spec,
    *,
    name: str,
    host: str,
    folder: Path,
    log: OutputLog,
    snapshot: int | None,
    on_message: Callable[[w.ToNode], None],
    on_exit: Callable[[ExitReason], None],
) -> Task:
    """Start what a spec says; the arguments are those of `WorkerProcess` and `CommandProcess`.

    Raises:
        OSError: it cannot be started.
        MessageTooLargeError: as `WorkerProcess.begin`.
    """
    if isinstance(spec.what, Command):
        return CommandTask(
            spec.what, spec, folder=folder, log=log,
            on_message=on_message, on_exit=on_exit,
        )  # fmt: skip
    worker = WorkerProcess(
        folder=folder, log=log, on_message=on_message, on_exit=on_exit,
        terminal=wants_terminal(spec),
    )  # fmt: skip
    worker.begin(spec, name=name, host=host, snapshot=snapshot)
    return worker
