"""Reading files of other hosts, for computations that read before they move.

`RemoteFiles` is the side of the node where the computation runs: it asks the other host's `Files`
(see `file_service`), fetches the bytes as bulk, keeps the tickets of files that are being read, and
never blocks an actor. What another host has and cannot be asked for just now may be on this host's
disk too; then it is read here.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from simulacra.actors.compute.file_service import FILES, Look, open_regular
from simulacra.actors.compute.messages import Answer, Request
from simulacra.actors.runtime import ActorSystem
from simulacra.actors.runtime.bulk import PIECE, BulkError, Ticket
from simulacra.actors.runtime.bulk_client import BulkClient

_READERS: Final = 8
_REQUESTS: Final = 256
_OPEN: Final = 64


class RemoteFiles:
    """Reads files of other hosts for one node's workers, in threads of its own.

    Args:
        system: the node's actors.
        bulk: fetches bytes.
        instead: where a file of another host that is out of reach is on this host's disk, as the
            other has it; None where it is not.
    """

    def __init__(
        self,
        system: ActorSystem,
        bulk: BulkClient,
        instead: Callable[[str, str], str | None] = lambda _, __: None,
    ) -> None:
        self._system = system
        self._bulk = bulk
        self._instead = instead
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix=f"files@{system.name}")
        self._lock = threading.Lock()
        self._tickets: OrderedDict[tuple[str, str], Ticket] = OrderedDict()
        self._room = threading.BoundedSemaphore(_REQUESTS)

    def serve(self, request: Request, answer: Callable[[Answer], None]) -> None:
        """Do what a worker wants, and call ``answer`` with the outcome, from another thread.

        Of 256 requests that are not yet answered the next is refused, from this thread.
        """
        if self._room.acquire(blocking=False):
            self._threads.submit(self._serve, request, answer)
        else:
            busy = "this host reads too many files of other hosts just now; try again"
            answer(Answer(request.request, error=("OSError", busy)))

    def close(self) -> None:
        """Take no more; those at work end by their time-outs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _serve(self, request: Request, answer: Callable[[Answer], None]) -> None:
        try:
            local = self._instead(request.host, request.path)
            if local is not None and request.op == "read":
                value: Any = _read_here(local, request.offset, min(request.size, PIECE))
            elif local is not None:
                value = self._ask(self._system.name, Look(request.op, local))
            elif request.op == "read":
                value = self._read(request)
            else:
                value = self._ask(request.host, Look(request.op, request.path))
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must hear of it
            answer(Answer(request.request, error=(type(error).__name__, str(error))))
        else:
            answer(Answer(request.request, value))
        finally:
            self._room.release()

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


def _read_here(path: str, offset: int, size: int) -> bytes:
    descriptor = open_regular(path)
    try:
        return os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)
