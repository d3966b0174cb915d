"""The fetching side of bulk: whole files into open ones, and pieces of files (see `bulk`).

Many pieces are fetched over some lines at a time (`bulk_fetch`), one is read over one line. A line
is kept for the next question to the same node (`bulk_lines`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from simulacra.actors.runtime.bulk import (
    DATA,
    PIECE,
    QUESTION,
    STALL,
    BulkError,
    Ticket,
    opened,
)
from simulacra.actors.runtime.bulk_fetch import Fetch, Progress, Take
from simulacra.actors.runtime.bulk_line import Line, LineError
from simulacra.actors.runtime.bulk_lines import Lines
from simulacra.actors.runtime.keys import KeyPair

_TELLING: Final = 1 << 16  # less says more about the round trip than about the bandwidth
_REST: Final = 0.5


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
        self._bandwidth: dict[str, tuple[float, float]] = {}  # rate, when
        self._lines = Lines()

    def bandwidth(self, node: str) -> tuple[float, float] | None:
        """Bytes a second of the last large fetch or read from a node, and how many seconds ago.

        None before one.
        """
        measured = self._bandwidth.get(node)
        return None if measured is None else (measured[0], time.monotonic() - measured[1])

    def _measured(self, node: str, size: int, began: float) -> None:
        now = time.monotonic()
        self._bandwidth[node] = size / (now - began), now

    def close(self) -> None:
        """End all lines; who fetches or reads gets a BulkError at once."""
        self._lines.close()

    def fetch(self, ticket: Ticket, into: int, *, progress: Progress | None = None) -> None:
        """Fetch a whole file into an open one, and wait until it is there.

        Args:
            ticket: what to fetch.
            into: a descriptor open for writing.
            progress: called with the number of bytes that have come so far.

        Raises:
            BulkError: see `collect`.
            OSError: it could not be written, as when the disk is full.
        """
        offsets = range(0, ticket.size, PIECE)
        pieces = [(offset, min(PIECE, ticket.size - offset)) for offset in offsets]
        self.collect(ticket, pieces, lambda at, data: _write(into, at, data), progress=progress)

    def collect(
        self,
        ticket: Ticket,
        pieces: Iterable[tuple[int, int]],
        take: Take,
        *,
        progress: Progress | None = None,
    ) -> None:
        """Fetch pieces of a file, and wait until all were taken; in whatever order they come.

        Args:
            ticket: of the file.
            pieces: their offsets and lengths, 1 MiB at most.
            take: called with a piece's offset and its bytes, which are others when it has returned;
                by this thread or another one, each time for another piece. What it raises ends all.
            progress: called with the number of bytes that were taken so far.

        Raises:
            BulkError: it is offered no more, it shrank, or lines brought nothing twice in a row.
        """
        began = time.monotonic()
        fetch = Fetch(ticket, dict(pieces), take, progress)
        fetch.run(lambda: self._line(ticket), self._rest)
        if fetch.size >= PIECE:
            self._measured(ticket.node, fetch.size, began)

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
        _, data = opened(ticket, answer)
        if len(data) >= _TELLING:
            self._measured(ticket.node, len(data), began)
        return bytes(data)

    @contextmanager
    def talk(self, ticket: Ticket) -> Iterator[Line]:
        """A line of one's own to a node that awaits one; it ends with the block, or with `close`.

        Raises:
            BulkError: it cannot be reached, or awaits nobody any more.
        """
        host, key = self._resolve(ticket.node)
        try:
            line = Line.dial(host, ticket.port, self._keys, key, self._stall)
            with self._lines.using(line):
                line.send(ticket.id)
                answer = line.receive()
                if answer[:1] != DATA:
                    raise BulkError(f"{ticket.node}: {answer[1:].decode(errors='replace')}")
                yield line
        except LineError as error:
            raise BulkError(f"{ticket.node} {error}") from error

    def _rest(self) -> None:
        """Wait a moment before the next line, unless there will be none."""
        self._lines.closed.wait(min(_REST, self._stall))

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


def _write(into: int, offset: int, data: memoryview) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(into, data[written:], offset + written)
