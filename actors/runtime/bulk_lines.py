"""The lines of a bulk client: those in use, and those that are kept for the next question.

A line on which nothing is under way is kept, one for each node, and given out again if it is still
quiet; what was idle for half of the time after which the other end would close it is closed here
first. When the client goes down all lines in use are aborted, and no more are given out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from simulacra.actors.runtime.bulk import LINE_IDLE
from simulacra.actors.runtime.bulk_line import Line, LineError

Where = tuple[str, int, str]
"""The other end of a line: its address, port and public key."""


class Lines:
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
            if self._timer is None and not self._wait():
                return
            self._in_use.remove(line)
            self._kept[where] = line, time.monotonic() + LINE_IDLE / 2

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

    def _wait(self) -> bool:
        """Look in a while for what lay idle; False where the process has no thread left for it."""
        timer = threading.Timer(LINE_IDLE / 4, self._tidy)
        timer.name, timer.daemon = "bulk-lines", True
        try:
            timer.start()
        except RuntimeError:
            return False
        self._timer = timer
        return True

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
