"""What is for a node that is dialed because of it: held until it is connected, or it is too late.

A node is dialed on demand if it is known to be there and was never connected, as in a network where
not each is connected to each. What is sent to it meanwhile goes out in the order in which it came,
before anything that comes later. At most `MOST` things are held, for `PATIENCE` seconds; what is
too much or too late is lost, as without connection, and for `REST` seconds nothing more is held.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST: Final = 1000
PATIENCE: Final = 5.0
REST: Final = 30.0


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that waits.

    Attributes:
        send: sends it; what it raises makes it lost.
        lost: called instead when it cannot be sent, with the error if there was one.
    """

    send: Callable[[], object]
    lost: Callable[[Exception | None], object]


class Holding:
    """What is held for one node; safe from any thread.

    Attributes:
        is_open: whether what comes now is held.
        overflown: how much found no room.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.overflown = 0
        self._lock = threading.Lock()
        self._queue: deque[Held] = deque()
        self._until = 0.0
        self._rest_until = float("-inf")

    def open(self, now: float) -> None:
        """Hold from now on, unless that was in vain a moment ago."""
        with self._lock:
            if not self.is_open and now >= self._rest_until:
                self.is_open, self._until = True, now + PATIENCE

    def hold(self, held: Held) -> bool:
        """Take a thing; False if nothing is held now, and it may be sent."""
        with self._lock:
            if not self.is_open:
                return False
            if len(self._queue) < MOST:
                self._queue.append(held)
                return True
            self.overflown += 1
        held.lost(None)
        return True

    def drain(self) -> None:
        """It is connected: send all, in order, and hold nothing more."""
        with self._lock:
            self._until = float("inf")
        while (held := self._next()) is not None:
            try:
                held.send()
            except Exception as error:  # noqa: BLE001 - whoever sent it hears of it
                held.lost(error)

    def _next(self) -> Held | None:
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            self.is_open = False
            return None

    def expire(self, now: float, *, at_once: bool = False) -> None:
        """Give up what has waited too long, or all, and wait for the node no more for a while."""
        with self._lock:
            if not self.is_open or (now < self._until and not at_once):
                return
            lost, self._queue = self._queue, deque()
            self.is_open, self._rest_until = False, now + REST
        for held in lost:
            held.lost(None)
