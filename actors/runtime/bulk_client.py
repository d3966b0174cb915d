"""The fetching side of bulk: whole files into open ones, and pieces of files (see `bulk`).

A file is fetched with a few questions under way at a time. What does not come is asked for again
on another line, so a line that breaks costs only what was on its way. A line whose question is
answered is kept for the next one to the same node, one for each node, and closed when it was idle
for half a minute.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from simulacra.actors.runtime.bulk import (
    ANSWER,
    DATA,
    LINE_IDLE,
    PIECE,
    QUESTION,
    STALL,
    BulkError,
    Ticket,
)
from simulacra.actors.runtime.bulk_line import Line, LineError
from simulacra.actors.runtime.keys import KeyPair

WINDOW: Final = 4

_TELLING: Final = 1 << 16  # less says more about the round trip than about the bandwidth
_SILENCES: Final = 2
_REST: Final = 0.5

Progress = Callable[[int], None]
Where = tuple[str, int, str]


class BulkClient:
    """Fetches from other nodes; safe from any thread.

    Args:
        keys: this node's own.
        resolve: gives the address (no port) and the public key of a node by its name; raises
            BulkError where there is none.
        stall: seconds without a piece after which a line counts as silent.
    """

    def __init__(
        self,
        keys: KeyPair,
        resolve: Callable[[str], tuple[str, str]],
        *,
        stall: float = STALL,
    ) -> None:
        self._keys = keys
        self._resolve = resolve
        self._stall = stall
        self._bandwidth: dict[str, float] = {}
        self._lines = _Lines()

    def bandwidth(self, node: str) -> float | None:
        """Bytes a second, as the last large fetch or read from a node had; None before one."""
        return self._bandwidth.get(node)

    def close(self) -> None:
        """End all lines; who fetches or reads gets a BulkError at once."""
        self._lines.close()

    def fetch(self, ticket: Ticket, into: int, *, progress: Progress | None = None) -> None:
        """Fetch a whole file into an open one, and wait until it is there.

        Args:
            ticket: what to fetch.
            into: a descriptor open for writing, from its offset 0 on.
            progress: called with the number of bytes that have come so far.

        Raises:
            BulkError: it is offered no more, it shrank, or twice in a row a line brought nothing.
            OSError: it could not be written, as when the disk is full.
        """
        missing = {
            offset: min(PIECE, ticket.size - offset) for offset in range(0, ticket.size, PIECE)
        }
        began, silences = time.monotonic(), 0
        while missing:
            before = len(missing)
            try:
                self._fetch_some(ticket, into, missing, progress)
            except LineError as error:
                silences = silences + 1 if len(missing) == before else 1
                if silences == _SILENCES:
                    left = sum(missing.values())
                    raise BulkError(f"{left} bytes are missing: {ticket.node} {error}") from error
                self._lines.closed.wait(min(_REST, self._stall))
        if ticket.size >= PIECE:
            self._bandwidth[ticket.node] = ticket.size / (time.monotonic() - began)

    def read(self, ticket: Ticket, offset: int, length: int) -> bytes:
        """Read a piece of a file, 1 MiB at most; shorter at its end.

        Raises:
            BulkError: it is offered no more, cannot be read, or nothing came in time.
        """
        began = time.monotonic()
        try:
            with self._line(ticket) as line:
                line.send(QUESTION.pack(ticket.id, offset, min(length, PIECE)))
                answer = line.receive()
        except LineError as error:
            raise BulkError(f"{ticket.node} {error}") from error
        _, data = _opened(ticket, answer)
        if len(data) >= _TELLING:
            self._bandwidth[ticket.node] = len(data) / (time.monotonic() - began)
        return bytes(data)

    def _fetch_some(
        self, ticket: Ticket, into: int, missing: dict[int, int], progress: Progress | None
    ) -> None:
        """Fetch what is missing over one line."""
        with self._line(ticket) as line:
            wanted = deque(missing.items())
            for _ in range(min(WINDOW, len(wanted))):
                line.send(QUESTION.pack(ticket.id, *wanted.popleft()))
            while missing:
                offset, data = _opened(ticket, line.receive())
                if wanted:
                    line.send(QUESTION.pack(ticket.id, *wanted.popleft()))
                _write_piece(data, into, offset, missing)
                if progress is not None:
                    progress(ticket.size - sum(missing.values()))

    @contextmanager
    def _line(self, ticket: Ticket) -> Iterator[Line]:
        """A line to who offers it, kept for later unless this fails."""
        host, key = self._resolve(ticket.node)
        where = (host, ticket.port, key)
        line = self._lines.take(where)
        if line is None:
            line = Line.dial(host, ticket.port, self._keys, key, self._stall)
        with self._lines.using(line):
            yield line
            self._lines.keep(where, line)


class _Lines:
    """The lines of a client: those in use, and those that are kept.

    Attributes:
        closed: set when there shall be none any more.
    """

    def __init__(self) -> None:
        self.closed: Final = threading.Event()
        self._lock = threading.Lock()
        self._in_use: set[Line] = set()
        self._kept: dict[Where, tuple[Line, float]] = {}
        self._timer: threading.Timer | None = None

    def take(self, where: Where) -> Line | None:
        """The line that is kept to somewhere, if it is still of use."""
        with self._lock:
            kept = self._kept.pop(where, None)
        if kept is None:
            return None
        if kept[0].is_quiet:
            return kept[0]
        kept[0].close()
        return None

    @contextmanager
    def using(self, line: Line) -> Iterator[None]:
        """Have a line in use; it is closed in the end, unless it is kept.

        Raises:
            LineError: there shall be none any more.
        """
        with self._lock:
            self._in_use.add(line)
            closed = self.closed.is_set()
        try:
            if closed:
                raise LineError("is asked nothing more: this node is going down")
            yield
        finally:
            with self._lock:
                if line in self._in_use:
                    self._in_use.remove(line)
                    line.close()

    def keep(self, where: Where, line: Line) -> None:
        """Keep a line that is in use, and on which nothing is under way, for the next time."""
        with self._lock:
            if self.closed.is_set() or where in self._kept:
                return
            self._in_use.remove(line)
            self._kept[where] = line, time.monotonic() + LINE_IDLE / 2
            if self._timer is None:
                self._wait()

    def close(self) -> None:
        """End all lines, and give out no more."""
        with self._lock:
            self.closed.set()
            for line in self._in_use:
                line.abort()
            kept, self._kept = self._kept, {}
            timer, self._timer = self._timer, None
        for line, _ in kept.values():
            line.close()
        if timer is not None:
            timer.cancel()
            timer.join(5)

    def _wait(self) -> None:
        self._timer = threading.Timer(LINE_IDLE / 4, self._tidy)
        self._timer.name, self._timer.daemon = "bulk-lines", True
        self._timer.start()

    def _tidy(self) -> None:
        """Close what lay idle; look again as long as something is kept."""
        now = time.monotonic()
        with self._lock:
            over = [where for where, (_, until) in self._kept.items() if until < now]
            for where in over:
                self._kept.pop(where)[0].close()
            self._timer = None
            if self._kept and not self.closed.is_set():
                self._wait()


def _opened(ticket: Ticket, answer: bytes) -> tuple[int, memoryview]:
    """The offset and the bytes of an answer."""
    if answer[:1] != DATA or len(answer) < ANSWER.size:
        raise BulkError(f"{ticket.node}: {answer[1:].decode(errors='replace')}")
    return ANSWER.unpack_from(answer)[1], memoryview(answer)[ANSWER.size :]


def _write_piece(data: memoryview, into: int, offset: int, missing: dict[int, int]) -> None:
    if len(data) != missing.get(offset):
        raise BulkError(f"the file changed while it was fetched, near byte {offset}")
    written = 0
    while written < len(data):
        written += os.pwrite(into, data[written:], offset + written)
    del missing[offset]
