"""Timers of a node: one thread, one heap; a timer tells its actor a message and ends with it.

A cancelled timer stays in the heap until its time, but not for long in numbers: when half of the
heap may be cancelled ones, they are swept out. So a sweep costs each cancelling a constant share.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Final

logger = logging.getLogger(__name__)

_SWEEP_FROM: Final = 64
"""A heap with fewer cancelled timers than this is left alone."""


class Timer:
    """A call to come; cancel it any time."""

    __slots__ = ("__weakref__", "_wheel", "action", "cancelled", "period")

    def __init__(
        self, wheel: TimerWheel, action: Callable[[], object], period: float | None
    ) -> None:
        self._wheel = wheel
        self.action = action
        self.period = period
        self.cancelled = False

    def cancel(self) -> None:
        """Let it not happen (again)."""
        if not self.cancelled:
            self.cancelled = True
            self._wheel.sweep()


class TimerWheel:
    """The timers of one node. The thread starts with the first timer and ends with `close`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._cancelled = 0  # at most so many of the heap are
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
        if not (delay >= 0 and (period is None or period > 0)):  # so NaN is refused as well
            raise ValueError(f"a timer needs delay >= 0 and period > 0, not {delay!r}, {period!r}")
        timer = Timer(self, action, period)
        with self._changed:
            if self._closed:
                timer.cancelled = True
                return timer
            if self._thread is None:
                self._thread = self._start_thread()
            heapq.heappush(self._heap, (time.monotonic() + delay, next(self._order), timer))
            self._changed.notify()
        return timer

    def _start_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name=f"timers@{self._name}", daemon=True)
        thread.start()
        return thread

    def sweep(self) -> None:
        """One more was cancelled: clear the heap of them when they are many."""
        with self._changed:
            self._cancelled += 1
            if self._cancelled < max(_SWEEP_FROM, len(self._heap) // 2):
                return
            self._heap = [entry for entry in self._heap if not entry[2].cancelled]
            heapq.heapify(self._heap)
            self._cancelled = 0

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
        while self._fire_next():
            pass

    def _fire_next(self) -> bool:
        """Wait for the next timer and let it act; False when closed."""
        due = self._next_due()
        if due is None:
            return False
        if not due.cancelled:
            try:
                due.action()
            except Exception:  # one timer's fault is not the others'
                logger.exception("a timer's action failed")
        return True

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
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                    continue
                heapq.heappop(self._heap)
                if timer.period is not None and not timer.cancelled:
                    again = max(when + timer.period, time.monotonic())
                    heapq.heappush(self._heap, (again, next(self._order), timer))
                return timer
        return None
