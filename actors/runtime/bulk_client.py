"""The fetching side of bulk: whole files into open ones, and pieces of files (see `bulk`).

Pieces are fetched over two lines at a time, so that both ends work on two processors, with a few
questions under way on each. What does not come is asked for again on another line, so a line that
breaks costs only what was on its way. A line whose question is
answered is kept for the next one to the same node, one for each node, and closed when it was idle
for half a minute.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
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
from simulacra.actors.runtime.noise import Data

WINDOW: Final = 4
LINES: Final = 2

_TELLING: Final = 1 << 16  # less says more about the round trip than about the bandwidth
_SILENCES: Final = 2
_REST: Final = 0.5

Progress = Callable[[int], object]
Take = Callable[[int, memoryview], object]
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
        self._bandwidth: dict[str, tuple[float, float]] = {}  # rate, when
        self._lines = _Lines()

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
        fetch = _Fetch(ticket, dict(pieces), take, progress)
        lines = LINES if len(fetch.missing) > WINDOW else 1
        helpers = [
            threading.Thread(target=self._fetch, args=(fetch,), name="bulk-fetch", daemon=True)
            for _ in range(lines - 1)
        ]
        for helper in helpers:
            helper.start()
        self._fetch(fetch)
        for helper in helpers:
            helper.join()
        fetch.check()
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
        _, data = _opened(ticket, answer)
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

    def _fetch(self, fetch: _Fetch) -> None:
        """Fetch pieces over one line after another, until none is left to ask for."""
        silences = 0
        try:
            while fetch.is_wanted:
                before = len(fetch.missing)
                try:
                    self._fetch_some(fetch)
                except LineError as error:
                    silences = silences + 1 if len(fetch.missing) == before else 1
                    if silences == _SILENCES:
                        fetch.failed(error)
                        return
                    self._lines.closed.wait(min(_REST, self._stall))
        except Exception as error:  # noqa: BLE001 - whoever fetches gets it
            fetch.stop(error)

    def _fetch_some(self, fetch: _Fetch) -> None:
        """Fetch pieces over one line."""
        ticket, asked = fetch.ticket, dict[int, int]()
        with self._line(ticket) as line:
            try:
                for _ in range(WINDOW):
                    fetch.ask(line, asked)
                while asked:
                    offset, data = _opened(ticket, line.borrow())
                    if len(data) != asked.get(offset):
                        raise BulkError(f"the file changed while it was fetched, at byte {offset}")
                    fetch.ask(line, asked)
                    fetch.came(offset, data)
                    del asked[offset]
            finally:
                fetch.put_back(asked)

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


class _Fetch:
    """The state of one fetch, shared by the threads of its lines.

    Attributes:
        ticket: what is fetched.
        missing: the lengths of the pieces that are not there, by their offsets.
        size: how many bytes all of them have.
    """

    def __init__(
        self, ticket: Ticket, pieces: dict[int, int], take: Take, progress: Progress | None
    ) -> None:
        self.ticket = ticket
        self.missing = pieces
        self.size: Final = sum(pieces.values())
        self._take, self._progress = take, progress
        self._came = 0
        self._lock = threading.Lock()
        self._wanted = deque(self.missing.items())
        self._problem: Exception | None = None
        self._last: LineError | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether there is a piece that nobody has asked for."""
        return bool(self._wanted) and self._problem is None

    def ask(self, line: Line, asked: dict[int, int]) -> None:
        """Ask for the next piece, if there is one, and note it."""
        with self._lock:
            if not self.is_wanted:
                return
            offset, length = self._wanted.popleft()
        asked[offset] = length
        line.send(QUESTION.pack(self.ticket.id, offset, length))

    def put_back(self, asked: dict[int, int]) -> None:
        """Pieces did not come: somebody else may ask for them."""
        with self._lock:
            self._wanted.extendleft(asked.items())

    def came(self, offset: int, data: memoryview) -> None:
        """A piece is here."""
        self._take(offset, data)
        with self._lock:
            del self.missing[offset]
            self._came += len(data)
            if self._progress is not None:
                self._progress(self._came)

    def failed(self, error: LineError) -> None:
        """One thread gives up; the others may yet fetch what is missing."""
        self._last = error

    def stop(self, error: Exception) -> None:
        """There is no sense in going on."""
        self._problem = self._problem or error

    def check(self) -> None:
        """Raise what kept it from being whole, if it is not."""
        if self._problem is not None:
            raise self._problem
        if self.missing:
            left = self.size - self._came
            raise BulkError(f"{left} bytes are missing: {self.ticket.node} {self._last}")


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


def _write(into: int, offset: int, data: memoryview) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(into, data[written:], offset + written)


def _opened(ticket: Ticket, answer: Data) -> tuple[int, memoryview]:
    """The offset and the bytes of an answer."""
    if answer[:1] != DATA or len(answer) < ANSWER.size:
        raise BulkError(f"{ticket.node}: {bytes(answer[1:]).decode(errors='replace')}")
    return ANSWER.unpack_from(answer)[1], memoryview(answer)[ANSWER.size :]
