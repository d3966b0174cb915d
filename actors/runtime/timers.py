"""Timers of a node: one thread, one heap; a timer tells its actor a message and ends with it."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count


class Timer:
    """A call to come; cancel it any time."""

    __slots__ = ("action", "cancelled", "period")

    def __init__(self, action: Callable[[], object], period: float | None) -> None:
        self.action = action
        self.period = period
        self.cancelled = False

    def cancel(self) -> None:
        """Let it not happen (again)."""
        self.cancelled = True


class TimerWheel:
    """The timers of one node. The thread starts with the first timer and ends with `close`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(
        self, delay: float, action: Callable[[], object], period: float | None = None
    ) -> Timer:
        """Call ``action`` in ``delay`` seconds, then every ``period`` seconds if one is given.

        ``action`` runs in the timers' thread: it must be quick and must not wait.

        Raises:
            ValueError: a negative delay, or a period that is not positive.
        """
        if delay < 0 or (period is not None and period <= 0):
            raise ValueError(f"a timer needs delay >= 0 and period > 0, not {delay!r}, {period!r}")
        timer = Timer(action, period)
        with self._changed:
            if self._closed:
                timer.cancel()
                return timer
            heapq.heappush(self._heap, (time.monotonic() + delay, next(self._order), timer))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"timers@{self._name}", daemon=True
                )
                self._thread.start()
            self._changed.notify()
        return timer

    def close(self) -> None:
        """Forget all timers and end the thread."""
        with self._changed:
            self._closed = True
            self._heap.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(5)

    def _run(self) -> None:
        while (due := self._next_due()) is not None:
            if due.cancelled:
                continue
            due.action()

    def _next_due(self) -> Timer | None:
        """Wait for the next timer's time; None when closed."""
        with self._changed:
            while not self._closed:
                if not self._heap:
                    self._changed.wait()
                    continue
                when, _, timer = self._heap[0]
                left = when - time.monotonic()
                if left > 0 and not timer.cancelled:
                    self._changed.wait(left)
                    continue
                heapq.heappop(self._heap)
                if timer.period is not None and not timer.cancelled:
                    again = max(when + timer.period, time.monotonic())
                    heapq.heappush(self._heap, (again, next(self._order), timer))
                return timer
        return None
