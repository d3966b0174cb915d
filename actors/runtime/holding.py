"""What is for a node that is dialed because of it: held until it is connected, or it is too late.

A node is dialed on demand if it is known to be there and not connected, as in a network where not
each is connected to each. What is sent to it meanwhile goes out in the order in which it came,
before anything that comes later. At most `MOST` things are held, for `PATIENCE` seconds; what is
too much or too late is lost, as without connection, and for `REST` seconds nothing more is held.

Things are held, too, while two nodes agree to rest from their connection (see `parting`).
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
        is_use: whether a connection is worth having for it.
    """

    send: Callable[[], object]
    lost: Callable[[Exception | None], object]
    is_use: bool = True


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

    def open(self, now: float) -> bool:
        """Hold from now on, unless that was in vain a moment ago; whether things are held."""
        with self._lock:
            if not self.is_open and now >= self._rest_until:
                self.is_open, self._until = True, now + PATIENCE
            return self.is_open

    def rest(self, now: float) -> bool:
        """The connection is parted from: is what is held worth a new one? If not, it is lost."""
        with self._lock:
            if any(held.is_use for held in self._queue):
                self._until = now + PATIENCE
                return True
            lost, self._queue = self._queue, deque()
            self.is_open = False
        for held in lost:
            held.lost(None)
        return False

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
