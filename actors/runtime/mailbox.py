"""A mailbox: two lanes, one reader, a bound with a policy, and counters.

The *urgent* lane holds signals (stop, kill, suspend, resume): unbounded, few, always read first.
The *mail* lane holds messages in the order of arrival. When it is full, the policy decides about a
new message: ``BLOCK`` makes the sender wait (and refuses after `block_timeout`), ``DROP_OLDEST``
makes room, ``REFUSE`` raises. Messages that the system makes of signals (`Down`, `Exit`) are exempt
from the bound.

An item is a tuple (message, reply), the reply None for a tell.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.futures import Reply

Item = tuple[Any, Reply | None]
OnRoom = Callable[[], None]


class Overflow(Enum):
    """What happens to a message for a full mailbox."""

    BLOCK = "block"
    DROP_OLDEST = "drop-oldest"
    REFUSE = "refuse"


@dataclass(slots=True)
class MailboxStats:
    """Counters of one mailbox, in messages since its actor started."""

    waiting: int
    bound: int
    dropped: int
    refused: int
    blocked: int


class Mailbox:
    """The queue between an actor's senders and its thread."""

    __slots__ = (
        "_blocked",
        "_bound",
        "_closed",
        "_dropped",
        "_lock",
        "_mail",
        "_on_room",
        "_overflow",
        "_parked",
        "_reading",
        "_refused",
        "_room",
        "_suspended",
        "_urgent",
        "_wake",
        "block_timeout",
    )  # fmt: skip

    def __init__(
        self, bound: int = 65_536, overflow: Overflow = Overflow.BLOCK, block_timeout: float = 5.0
    ) -> None:
        self.block_timeout = block_timeout
        self._bound = bound
        self._overflow = overflow
        self._mail: deque[Item] = deque()
        self._urgent: deque[Any] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._reading = False  # the reader waits on _wake
        self._suspended = False
        self._closed = False
        self._parked: deque[tuple[Item, OnRoom]] = deque()
        self._room: threading.Condition | None = None
        self._dropped = self._refused = self._blocked = 0

    # -- senders

    def put(self, item: Item) -> bool:
        """Add mail; False when the mailbox is closed.

        Raises:
            MailboxFullError: it is full and its policy is to refuse, or it stayed full.
        """
        with self._lock:
            if self._closed:
                return False
            if len(self._mail) >= self._bound or self._parked:
                if self._overflow is Overflow.BLOCK:
                    self._wait_for_room()
                    if self._closed:
                        return False
                else:
                    item = self._make_room(item)
            self._mail.append(item)
            if self._reading:
                self._reading = False
                self._wake.release()
        return True

    def put_exempt(self, item: Item) -> bool:
        """Add a message of the system's own, whatever the bound; False when closed."""
        with self._lock:
            if self._closed:
                return False
            self._mail.append(item)
            self._rouse()
        return True

    def offer(self, item: Item, on_room: OnRoom | None = None) -> bool | None:
        """Add mail without ever waiting, for a thread that serves many mailboxes.

        Args:
            item: the message and its reply.
            on_room: lets the item be *parked* when the mailbox is full and its policy is to
                block: it enters in its turn, and ``on_room()`` is then called. Whoever parks
                must bound what he parks.

        Returns:
            True when added, False when closed, None when parked.

        Raises:
            MailboxFullError: the mailbox is full, and its policy or the lack of ``on_room``
                refuses.
        """
        with self._lock:
            if self._closed:
                return False
            if len(self._mail) >= self._bound or self._parked:
                if self._overflow is Overflow.BLOCK and on_room is not None:
                    self._blocked += 1
                    self._parked.append((item, on_room))
                    return None
                item = self._make_room(item)
            self._mail.append(item)
            self._rouse()
        return True

    def put_urgent(self, signal: Any) -> bool:
        """Add a signal to the urgent lane; False when closed."""
        with self._lock:
            if self._closed:
                return False
            self._urgent.append(signal)
            self._rouse()
        return True

    def _rouse(self) -> None:
        if self._reading:
            self._reading = False
            self._wake.release()

    def _make_room(self, item: Item) -> Item:
        if self._overflow is not Overflow.DROP_OLDEST:
            self._refused += 1
            raise MailboxFullError(f"the mailbox is full: {self._bound} messages wait")
        _, reply = self._mail.popleft()
        self._dropped += 1
        if reply is not None:
            reply.set_error(MailboxFullError("dropped for newer mail: the mailbox is full"))
        return item

    def _wait_for_room(self) -> None:
        if self._room is None:
            self._room = threading.Condition(self._lock)
        self._blocked += 1
        deadline = time.monotonic() + self.block_timeout
        while not self._closed and (len(self._mail) >= self._bound or self._parked):
            left = deadline - time.monotonic()
            if left <= 0 or not self._room.wait(left):
                self._refused += 1
                raise MailboxFullError(
                    f"the mailbox stayed full for {self.block_timeout:g} s ({self._bound} wait)"
                )

    # -- the reader

    def get(self) -> Item | Any:
        """Wait for the next signal or message; signals first. None when closed."""
        while True:
            on_room = None
            with self._lock:
                if self._urgent:
                    return self._urgent.popleft()
                if self._closed:
                    return None
                item = None if self._suspended or not self._mail else self._mail.popleft()
                if item is None:
                    self._reading = True
                elif self._parked or self._room is not None:
                    on_room = self._admit()
            if item is None:
                self._wake.acquire()
                continue
            if on_room is not None:
                on_room()
            return item

    def _admit(self) -> OnRoom | None:
        """Let one who waits come in."""
        if len(self._mail) >= self._bound:
            return None
        if self._parked:
            item, on_room = self._parked.popleft()
            self._mail.append(item)
            return on_room
        if self._room is not None:
            self._room.notify()
        return None

    def suspend(self) -> None:
        """Give the reader no mail until `resume`; signals still pass."""
        with self._lock:
            self._suspended = True

    def resume(self) -> None:
        """Give the reader mail again."""
        with self._lock:
            self._suspended = False
            self._rouse()

    def remove(self, unwanted: Callable[[Any], bool]) -> int:
        """Take out the waiting messages for which ``unwanted(message)`` holds; say how many."""
        with self._lock:
            kept = [item for item in self._mail if not unwanted(item[0])]
            removed = len(self._mail) - len(kept)
            if removed:
                self._mail = deque(kept)
        return removed

    def close(self) -> list[Item]:
        """Refuse everything from now on; return the mail that was never read."""
        with self._lock:
            self._closed = True
            left = [*self._mail, *(item for item, _ in self._parked)]
            released = [on_room for _, on_room in self._parked]
            self._mail.clear()
            self._parked.clear()
            self._urgent.clear()
            if self._room is not None:
                self._room.notify_all()
            self._rouse()
        for on_room in released:
            on_room()
        return left

    # -- pykka's ActorInbox has these two names as well

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not (self._mail or self._urgent)

    def stats(self) -> MailboxStats:
        """The counters now."""
        with self._lock:
            return MailboxStats(
                len(self._mail) + len(self._parked),
                self._bound,
                self._dropped,
                self._refused,
                self._blocked,
            )
