"""What is for a node that is dialed because of it: held until it is connected, or it is too late.

A node is dialed on demand if it is known to be there and not connected, as in a network where not
each is connected to each. What is sent to it meanwhile goes out in the order in which it came,
before anything that comes later. Things are held for `PATIENCE` seconds; what is too late is lost,
as without connection, and for `REST` seconds nothing more is held. With `MOST` things held, mail
waits for room, as it does for a peer that takes no more; signals never wait.

Things are held, too, while two nodes agree to rest from their connection (see `parting`).

Once there is a connection, what is held goes out as the peer takes it: what it has no room for just
now keeps its place until the next round, as long as there is progress within `PATIENCE` seconds.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulacra.actors.runtime.errors import MailboxFullError, PeerBusyError
from simulacra.actors.runtime.turns import serves_many

MOST: Final = 1000
PATIENCE: Final = 5.0
REST: Final = 30.0


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that waits.

    Attributes:
        send: sends it; what it raises makes it lost, unless the peer is but busy.
        lost: called instead when it cannot be sent, with the error if there was one.
        is_use: whether a connection is worth having for it.
        is_mail: whether it waits for room; what is none is held however much there is.
    """

    send: Callable[[], object]
    lost: Callable[[Exception | None], object]
    is_use: bool = True
    is_mail: bool = True


class Holding:
    """What is held for one node; safe from any thread.

    Args:
        send_timeout: seconds that mail waits for room.

    Attributes:
        is_open: whether what comes now is held.
        is_draining: whether it is connected, and what is held goes out.
    """

    def __init__(self, send_timeout: float) -> None:
        self.is_open = False
        self.is_draining = False
        self._send_timeout = send_timeout
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._queue: deque[Held] = deque()
        self._until = 0.0
        self._rest_until = float("-inf")

    def open(self, now: float, longer: float = 0.0) -> bool:
        """Hold from now on, unless that was in vain a moment ago; whether things are held.

        Args:
            now: the time in seconds.
            longer: seconds to hold beyond `PATIENCE`.
        """
        with self._lock:
            if not self.is_open and now >= self._rest_until:
                self.is_open, self._until = True, now + PATIENCE + longer
            return self.is_open

    def rest(self, now: float) -> bool:
        """The connection is parted from: is what is held worth a new one? If not, it is lost."""
        with self._lock:
            if any(held.is_use for held in self._queue):
                self._until = now + PATIENCE
                return True
            lost = self._close()
        for held in lost:
            held.lost(None)
        return False

    def hold(self, held: Held) -> bool:
        """Take a thing; False if nothing is held now, and it may be sent.

        Raises:
            PeerBusyError: there was no room for too long.
        """
        with self._lock:
            if held.is_mail:
                self._wait_for_room()
            if self.is_open:
                self._queue.append(held)
            return self.is_open

    def _wait_for_room(self) -> None:
        deadline = time.monotonic() + self._send_timeout
        while self.is_open and len(self._queue) >= MOST:
            left = deadline - time.monotonic()
            if left <= 0 or serves_many():
                raise PeerBusyError(
                    f"{len(self._queue)} messages wait for a connection, and none left within "
                    f"{self._send_timeout:g} s"
                )
            self._room.wait(left)

    def drain(self, now: float) -> None:
        """It is connected: send all, in order, and hold nothing more.

        If the peer has no room for all of it, it `is_draining` until this is called again.
        """
        with self._lock:
            if not self.is_draining:
                self.is_draining, self._until = True, now + PATIENCE
        while (held := self._next()) is not None:
            try:
                held.send()
            except MailboxFullError as busy:
                if now < self._until and self._put_back(held):
                    return
                held.lost(busy)
            except Exception as error:  # noqa: BLE001 - whoever sent it hears of it
                held.lost(error)
            else:
                self._until = now + PATIENCE

    def _next(self) -> Held | None:
        with self._lock:
            if self._queue:
                self._room.notify()
                return self._queue.popleft()
            self._close()
            return None

    def _put_back(self, held: Held) -> bool:
        with self._lock:
            if self.is_open:
                self._queue.appendleft(held)
            return self.is_open

    def _close(self) -> deque[Held]:
        """Hold nothing more; what was held."""
        lost, self._queue = self._queue, deque()
        self.is_open = self.is_draining = False
        self._room.notify_all()
        return lost

    def expire(self, now: float, *, at_once: bool = False) -> None:
        """Give up what has waited too long, or all, and wait for the node no more for a while."""
        with self._lock:
            if not self.is_open or ((now < self._until or self.is_draining) and not at_once):
                return
            lost, self._rest_until = self._close(), now + REST
        for held in lost:
            held.lost(None)
