"""Commands that were typed on another host and run here, where their directory lies.

Every node has a `Runs` actor, registered as ``runs``. It starts a command, and answers with a
ticket for the line over which its streams go (see `run_process`); bytes pass no mailbox. Whoever
asked has `COME_WITHIN` seconds to take up the line. Everything that touches a directory is done in
a thread of its own, for it may lie on a dead mount. Only hosts inside the network can ask: for
outside hosts this actor does not exist.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulacra.actors.compute.run_frames import Shape
from simulacra.actors.compute.run_process import RunProcess
from simulacra.actors.data.trees.orders import Order
from simulacra.actors.data.trees.tree import actor_name
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.bulk import Ticket
from simulacra.actors.runtime.bulk_server import BulkServer
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register
from simulacra.actors.threads import start_thread

RUNS: Final = "runs"
COME_WITHIN: Final = 10.0
_LIMIT: Final = 64
_NONCE_LIMIT: Final = 256


@register("runs.start")
@dataclass(frozen=True, slots=True)
class StartRun:
    """Start a command. Answered with a ticket for its line, or an OSError.

    Attributes:
        argv: the command; all of this as the kernel has it, in bytes.
        folder: where; one that is relative begins at the user's home here.
        env: variables for it, beside this node's own, as pairs.
        shape: rows and columns of its terminal; None where it has pipes.
        errors_apart: whether its standard error is a pipe also beside a terminal.
    """

    argv: list[bytes]
    folder: bytes
    env: list[tuple[bytes, bytes]]
    shape: tuple[int, int] | None
    errors_apart: bool


@register("runs.holds")
@dataclass(frozen=True, slots=True)
class Holds:
    """Is there a file of that name, with that text, in a folder? Answered with a bool."""

    folder: bytes
    name: str
    text: bytes


@register("runs.look")
@dataclass(frozen=True, slots=True)
class Look:
    """Have the disk looked at for what was changed in the copy of a tree. Answered with a bool.

    Attributes:
        tree: its id.
    """

    tree: str


@register("runs.is_folder")
@dataclass(frozen=True, slots=True)
class IsFolder:
    """Is there such a directory? Answered with a bool."""

    path: bytes


class _Sweep:
    """Time to end what nobody came for."""


class Runs(Actor):
    """See the module.

    Args:
        server: where lines are taken up.
        admits: whether a key is admitted.
    """

    def __init__(self, server: BulkServer, admits: Callable[[str], bool]) -> None:
        self._server, self._admits = server, admits
        self._lock = threading.Lock()
        self._running: set[RunProcess] = set()
        self._awaited: dict[Ticket, tuple[RunProcess, float]] = {}
        self._places = threading.BoundedSemaphore(_LIMIT)

    def on_start(self) -> None:
        """Begin to sweep."""
        self.send_every(COME_WITHIN / 2, _Sweep())

    def on_receive(self, message: Any) -> Any:
        """Each question has a thread, and at most 64 are under way."""
        match message:
            case StartRun():
                self._in_thread(lambda: self._start(message))
            case Holds(folder, name, text):
                self._in_thread(lambda: _holds(folder, name, text))
            case IsFolder(path):
                self._in_thread(lambda: _folder(path).is_dir())
            case Look(tree):
                return self._look(tree)
            case _Sweep():
                self._sweep(time.monotonic())
            case _:
                self.refuse(message)
        return None

    def on_stop(self, reason: Any) -> None:
        """Kill all of them."""
        del reason
        self._sweep(float("inf"))
        with self._lock:
            running = list(self._running)
        for each in running:
            each.kill()

    def _look(self, tree: str) -> bool:
        """Whether there is a copy of it here."""
        copy = self.system.whereis(actor_name(tree))
        if copy is not None:
            copy.tell(Order.RESCAN)
        return copy is not None

    def _in_thread(self, do: Callable[[], Any]) -> None:
        reply = self.defer_reply()
        if not self._places.acquire(blocking=False):
            reply.set_error(OSError(f"{_LIMIT} commands of other hosts run there already"))
            return
        try:
            start_thread(self._answer, reply, do, name=f"runs@{self.system.name}")
        except OSError as error:
            self._places.release()
            reply.set_error(error)

    def _answer(self, reply: Reply, do: Callable[[], Any]) -> None:
        try:
            answer = do()
        except (OSError, ValueError) as error:  # ValueError: a name that holds a zero byte
            self._places.release()
            reply.set_error(error if type(error) in _TOLD else OSError(str(error)))
        else:
            if not isinstance(answer, Ticket):
                self._places.release()  # a command keeps its place until it has ended
            reply.set(answer)

    def _start(self, told: StartRun) -> Ticket:
        folder = _folder(told.folder)
        if not folder.is_dir():
            folder.stat()
            raise NotADirectoryError(f"{folder} is no directory")
        env = dict(os.environ) | {os.fsdecode(k): os.fsdecode(v) for k, v in told.env}
        shape = None if told.shape is None else Shape(*told.shape)
        run = RunProcess(
            [os.fsdecode(word) for word in told.argv],
            folder=folder,
            env=env | {"PWD": str(folder)},
            shape=shape,
            errors_apart=told.errors_apart,
            on_exit=self._ended,
        )
        ticket = self._server.await_line(lambda line: run.serve(line, self._admits))
        with self._lock:
            if not run.has_ended:
                self._running.add(run)
            self._awaited[ticket] = run, time.monotonic() + COME_WITHIN
        return ticket

    def _sweep(self, now: float) -> None:
        """End the commands that nobody came for."""
        with self._lock:
            late = [(ticket, run) for ticket, (run, until) in self._awaited.items() if until < now]
            for ticket, _ in late:
                del self._awaited[ticket]
        for ticket, run in late:
            if self._server.withdraw(ticket):
                run.abandon()

    def _ended(self, run: RunProcess) -> None:
        with self._lock:
            self._running.discard(run)
        self._places.release()


_TOLD: Final = (FileNotFoundError, NotADirectoryError, PermissionError)
"""What the asker tells apart; the text of any other error says all."""


def _folder(told: bytes) -> Path:
    return Path.home() / os.fsdecode(told)


def _holds(folder: bytes, name: str, text: bytes) -> bool:
    if "/" in name:
        return False
    try:
        with (_folder(folder) / name).open("rb") as file:
            return file.read(_NONCE_LIMIT) == text
    except (FileNotFoundError, NotADirectoryError):
        return False
