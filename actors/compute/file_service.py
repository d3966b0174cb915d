"""Files of other hosts, for computations that read before they move.

Every node has a `Files` actor, registered as ``files``: it answers what is there, and offers a
file's bytes as bulk. `RemoteFiles` is the reading side in the node of the computation: it keeps the
tickets of files that are being read, and never blocks an actor. Hosts of one network trust one
another: what the node's user may read, every computation may.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulacra.actors.compute.messages import Answer, Request
from simulacra.actors.runtime import Actor, ActorSystem
from simulacra.actors.runtime.bulk import PIECE, BulkError, BulkServer, Ticket
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.wire_types import register

FILES = "files"
_READERS: Final = 8
_OPEN: Final = 64
_LIST_LIMIT: Final = 100_000
_WEIGH_LIMIT: Final = 20_000


@register("files.look")
@dataclass(frozen=True, slots=True)
class Look:
    """What is at a path? ``op`` is ``stat``, ``list``, ``open`` or ``weigh``."""

    op: str
    path: str


class Files(Actor):
    """Answers `Look`.

    A map for ``stat``, names for ``list``, a `Ticket` for ``open``, and for ``weigh`` the bytes and
    number of files at a path, in all its folders (the first 20,000 files).
    """

    def __init__(self, bulk: BulkServer) -> None:
        self._bulk = bulk

    def on_receive(self, message: Any) -> Any:
        """Look, and answer with an error of the operating system's if it says so."""
        if not isinstance(message, Look):
            self.refuse(message)
            return None
        try:
            return self._look(message)
        except (OSError, ValueError) as error:  # the asker's mistake, not this actor's end
            self.defer_reply().set_error(error)
            return None

    def _look(self, look: Look) -> Any:
        match look.op:
            case "stat":
                status = os.stat(look.path)  # noqa: PTH116 - paths are the asker's text
                directory = Path(look.path).is_dir()
                return {"size": status.st_size, "mtime": status.st_mtime, "is_dir": directory}
            case "list":
                names = sorted(os.listdir(look.path))  # noqa: PTH208
                if len(names) > _LIST_LIMIT:
                    raise OSError(f"{look.path} has over {_LIST_LIMIT} entries")
                return names
            case "open":
                # A pipe that nobody writes to must not hold up who opens it.
                descriptor = os.open(look.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
                try:
                    _check_regular(descriptor, look.path)
                    return self._bulk.offer(descriptor)
                finally:
                    os.close(descriptor)
            case "weigh":
                return _weigh(Path(look.path))
        raise OSError(f"no such operation on files: {look.op}")


def _check_regular(descriptor: int, path: str) -> None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "only files of bytes can be read from elsewhere", path)


def _weigh(path: Path) -> tuple[int, int]:
    if not path.is_dir():
        return path.stat().st_size, 1
    size = files = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                size += Path(folder, name).lstat().st_size
            files += 1
        if files > _WEIGH_LIMIT:
            break
    return size, files


class RemoteFiles:
    """Reads files of other hosts for one node's workers, in threads of its own."""

    def __init__(self, system: ActorSystem, bulk: BulkClient) -> None:
        self._system = system
        self._bulk = bulk
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix=f"files@{system.name}")
        self._lock = threading.Lock()
        self._tickets: OrderedDict[tuple[str, str], Ticket] = OrderedDict()

    def serve(self, request: Request, answer: Callable[[Answer], None]) -> None:
        """Do what a worker wants, and call ``answer`` with the outcome, from another thread."""
        self._threads.submit(self._serve, request, answer)

    def close(self) -> None:
        """Take no more; those at work end by their time-outs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _serve(self, request: Request, answer: Callable[[Answer], None]) -> None:
        try:
            if request.op == "read":
                value: Any = self._read(request)
            else:
                value = self._ask(request.host, Look(request.op, request.path))
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must hear of it
            answer(Answer(request.request, error=(type(error).__name__, str(error))))
        else:
            answer(Answer(request.request, value))

    def _ask(self, host: str, look: Look) -> Any:
        return self._system.ref(f"{FILES}@{host}").ask(look)

    def _read(self, request: Request) -> bytes:
        size = min(request.size, PIECE)
        try:
            return self._bulk.read(self._ticket(request), request.offset, size)
        except BulkError:  # offered no more: it lay idle
            with self._lock:
                self._tickets.pop((request.host, request.path), None)
            return self._bulk.read(self._ticket(request), request.offset, size)

    def _ticket(self, request: Request) -> Ticket:
        key = (request.host, request.path)
        with self._lock:
            ticket = self._tickets.get(key)
        if ticket is None or request.offset == 0:  # a reader at the beginning wants it as it is now
            ticket = self._ask(request.host, Look("open", request.path))
        with self._lock:
            self._tickets[key] = ticket
            self._tickets.move_to_end(key)
            while len(self._tickets) > _OPEN:
                self._tickets.popitem(last=False)
        return ticket
