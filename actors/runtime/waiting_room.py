"""Who waits until a full mailbox has room: backpressure.

A thread that may wait *blocks*, for a limited time. Mail of a thread that serves many mailboxes is
*parked*, and whoever parked it is told when it goes in. Whatever makes room lets the parked in at
once, in the order in which they came, and then as many of the blocked as there is room for. So
while mail is parked the mailbox is full, and no mail overtakes the parked.

*Exempt* mail needs no room, and is parked only so as not to overtake parked mail of its sender's.

All of this happens under the mailbox's lock; the callbacks are for the mailbox to call without it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from simulacra.actors.runtime.futures import Reply

Item = tuple[Any, Reply | None]
"""A message, and its reply; None for a tell."""

OnRoom = Callable[[], None]

Parked = tuple[Item, OnRoom | None]
"""Mail that waits, and what tells that it is in; None where it is exempt."""


class WaitingRoom:
    """See the module.

    Args:
        lock: the mailbox's.
    """

    __slots__ = ("_changed", "_parked")

    def __init__(self, lock: threading.Lock) -> None:
        self._changed = threading.Condition(lock)
        self._parked: deque[Parked] = deque()

    def __len__(self) -> int:
        return len(self._parked)

    def park(self, item: Item, on_room: OnRoom | None) -> None:
        """Let mail wait behind what is parked; without ``on_room`` it is exempt."""
        self._parked.append((item, on_room))

    def block(self, seconds: float, is_over: Callable[[], bool]) -> bool:
        """Let this thread wait, which holds the lock, until something is so; False if it is not."""
        deadline = time.monotonic() + seconds
        while not is_over():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._changed.wait(left)
        return True

    def admit(self, room: int) -> Iterator[Parked]:
        """Take out the parked that go in now, and then wake so many of the blocked as can follow.

        Args:
            room: how many messages that are not exempt the mailbox takes.
        """
        while self._parked:
            counts = self._parked[0][1] is not None
            if counts and room <= 0:
                return
            room -= counts
            yield self._parked.popleft()
        if room > 0:
            self._changed.notify(room)

    def remove_exempt(self, unwanted: Callable[[Any], bool]) -> None:
        """Take out the exempt messages that are not wanted any more."""
        self._parked = deque(
            (item, on_room)
            for item, on_room in self._parked
            if on_room is not None or not unwanted(item[0])
        )

    def clear(self) -> list[Parked]:
        """Let everybody go, as the mailbox is closed; what was parked."""
        parked = list(self._parked)
        self._parked.clear()
        self._changed.notify_all()
        return parked
