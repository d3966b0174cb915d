"""One fetch: pieces of a file, asked for over some lines at a time (see `bulk`).

Two lines let both ends work on two processors; each has a few questions under way, so that it never
idles. What did not come over a line is asked for again over another one, so a line that breaks
costs only what was on its way. A line that breaks twice in a row, without a piece between from any
line, is given up; the fetch fails when all are.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Final

from simulacra.actors.runtime.bulk import QUESTION, BulkError, Ticket, opened
from simulacra.actors.runtime.bulk_line import Line, LineError

WINDOW: Final = 4
LINES: Final = 2

_SILENCES: Final = 2

Progress = Callable[[int], object]
Take = Callable[[int, memoryview], object]
OpenLine = Callable[[], AbstractContextManager[Line]]


class Fetch:
    """One fetch, of which each line has a thread.

    Args:
        ticket: what is fetched.
        pieces: the lengths of the pieces, by their offsets.
        take: is given each piece.
        progress: is told how many bytes were taken so far.

    Attributes:
        size: how many bytes all pieces have.
    """

    def __init__(
        self, ticket: Ticket, pieces: dict[int, int], take: Take, progress: Progress | None
    ) -> None:
        self.size: Final = sum(pieces.values())
        self._ticket = ticket
        self._missing = pieces
        self._take, self._progress = take, progress
        self._came = 0
        self._lock = threading.Lock()
        self._wanted = deque(pieces.items())
        self._problem: Exception | None = None
        self._last: LineError | None = None

    def run(self, open_line: OpenLine, rest: Callable[[], object]) -> None:
        """Fetch all, and wait until everything was taken.

        Args:
            open_line: gives a line, to be used by one thread and only in the block.
            rest: waits a moment, after a line broke.

        Raises:
            BulkError: it is offered no more, it shrank, or lines brought nothing twice in a row.
        """
        helpers = self._start_helpers(open_line, rest) if len(self._missing) > WINDOW else []
        self._fetch(open_line, rest)
        for helper in helpers:
            helper.join()
        self._check()

    def _start_helpers(
        self, open_line: OpenLine, rest: Callable[[], object]
    ) -> list[threading.Thread]:
        """A thread for each line but the caller's own, as far as the process has threads."""
        helpers: list[threading.Thread] = []
        for _ in range(LINES - 1):
            helper = threading.Thread(
                target=self._fetch, args=(open_line, rest), name="bulk-fetch", daemon=True
            )
            with suppress(RuntimeError):
                helper.start()
                helpers.append(helper)
        return helpers

    def _check(self) -> None:
        """Raise what kept it from being whole, if it is not."""
        if self._problem is not None:
            raise self._problem
        if self._missing:
            left = self.size - self._came
            raise BulkError(f"{left} bytes are missing: {self._ticket.node} {self._last}")

    # -- one line after another

    def _fetch(self, open_line: OpenLine, rest: Callable[[], object]) -> None:
        """Fetch over one line after another, until there is no piece left to ask for."""
        silences = 0
        try:
            while self._is_wanted:
                before = len(self._missing)
                try:
                    self._fetch_some(open_line)
                except LineError as error:
                    silences = silences + 1 if len(self._missing) == before else 1
                    if silences == _SILENCES:
                        self._last = error  # the others may yet fetch what is missing
                        return
                    rest()
        except Exception as error:  # noqa: BLE001 - whoever fetches gets it
            self._problem = self._problem or error

    def _fetch_some(self, open_line: OpenLine) -> None:
        """Fetch over one line."""
        asked = dict[int, int]()
        with open_line() as line:
            try:
                for _ in range(WINDOW):
                    self._ask(line, asked)
                while asked:
                    offset, data = opened(self._ticket, line.borrow())
                    if len(data) != asked.get(offset):
                        raise BulkError(f"the file changed while it was fetched, at byte {offset}")
                    self._ask(line, asked)
                    self._has_come(offset, data)
                    del asked[offset]
            finally:
                self._put_back(asked)

    # -- the pieces

    @property
    def _is_wanted(self) -> bool:
        """Whether there is a piece that nobody has asked for."""
        return bool(self._wanted) and self._problem is None

    def _ask(self, line: Line, asked: dict[int, int]) -> None:
        """Ask for the next piece, if there is one, and note it."""
        with self._lock:
            if not self._is_wanted:
                return
            offset, length = self._wanted.popleft()
        asked[offset] = length
        line.send(QUESTION.pack(self._ticket.id, offset, length))

    def _put_back(self, asked: dict[int, int]) -> None:
        """Pieces did not come: any line may ask for them."""
        with self._lock:
            self._wanted.extendleft(asked.items())

    def _has_come(self, offset: int, data: memoryview) -> None:
        self._take(offset, data)
        with self._lock:
            del self._missing[offset]
            self._came += len(data)
            if self._progress is not None:
                self._progress(self._came)
