"""A mailbox: two lanes, one reader, a bound with a policy, and counters.

The *urgent* lane holds signals (stop, kill, suspend, resume): unbounded, few, always read first.
The *mail* lane holds messages in the order of arrival. When it is full, the policy decides about a
new message: ``BLOCK`` makes the sender wait (and refuses after `block_timeout`), ``DROP_OLDEST``
makes room, ``REFUSE`` raises. Messages that the system makes of signals (`Down`, `Exit`) are
*exempt*: they do not count, are never refused or dropped, and keep their place behind mail that is
parked.

Whoever waits, a thread or mail that is *parked*, is in the `waiting_room`.
Nothing of a caller's (a reply's or a room's callback) is ever called under the lock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.turns import Sleeper
from simulacra.actors.runtime.waiting_room import Item, OnRoom, WaitingRoom

_EMPTY: Final[deque[Any]] = deque(maxlen=0)
"""What all lanes are at first that most actors never need: each of their own takes 700 bytes."""


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
        "_blocked", "_bound", "_closed", "_dropped", "_exempt", "_lock", "_mail", "_overflow",
        "_reading", "_refused", "_suspended", "_urgent", "_waiting", "_wake", "block_timeout",
    )  # fmt: skip

    def __init__(
        self, bound: int = 65_536, overflow: Overflow = Overflow.BLOCK, block_timeout: float = 5.0
    ) -> None:
        if bound < 1:
            raise ValueError(f"a mailbox holds at least one message: bound={bound!r}")
        self.block_timeout = block_timeout
        self._bound = bound
        self._overflow = Overflow(overflow)
        self._mail: deque[Item] = deque()
        self._exempt: deque[Item] = _EMPTY  # those of _mail that do not count, in the same order
        self._urgent: deque[Any] = _EMPTY
        self._lock = threading.Lock()
        self._wake = Sleeper()
        self._reading = False  # the reader waits on _wake
        self._suspended = False
        self._closed = False
        self._waiting: WaitingRoom | None = None  # made when somebody first has to wait
        self._dropped = self._refused = self._blocked = 0

    # -- senders

    def put(self, item: Item, patience: float | None = None) -> bool:
        """Add mail; False when the mailbox is closed.

        Args:
            item: the message and its reply.
            patience: seconds to wait for room at most, if less than `block_timeout`.

        Raises:
            MailboxFullError: it is full and its policy is to refuse, or it stayed full.
        """
        dropped = None
        with self._lock:
            if self._closed:
                return False
            if len(self._mail) - len(self._exempt) >= self._bound:
                if self._overflow is Overflow.BLOCK:
                    self._wait_for_room(patience)
                    if self._closed:
                        return False
                else:
                    dropped = self._make_room()
            self._mail.append(item)
            if self._reading:
                self._reading = False
                self._wake.wake()
        if dropped is not None:
            _tell_dropped(dropped)
        return True

    def put_exempt(self, item: Item) -> bool:
        """Add a message of the system's own, whatever the bound; False when closed."""
        with self._lock:
            if self._closed:
                return False
            if self._waiting:  # its sender's mail may be among the parked
                self._waiting.park(item, None)
            else:
                self._append_exempt(item)
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
        dropped = None
        with self._lock:
            if self._closed:
                return False
            if len(self._mail) - len(self._exempt) >= self._bound:
                if self._overflow is Overflow.BLOCK and on_room is not None:
                    self._blocked += 1
                    self._waiting_room().park(item, on_room)
                    return None
                dropped = self._make_room()
            self._mail.append(item)
            if self._reading:
                self._reading = False
                self._wake.wake()
        if dropped is not None:
            _tell_dropped(dropped)
        return True

    def put_urgent(self, signal: Any) -> bool:
        """Add a signal to the urgent lane; False when closed."""
        with self._lock:
            if self._closed:
                return False
            self._urgent = _with(self._urgent, signal)
            self._rouse()
        return True

    def _room(self) -> int:
        """How many messages go in yet."""
        return self._bound - (len(self._mail) - len(self._exempt))

    def _append_exempt(self, item: Item) -> None:
        self._mail.append(item)
        self._exempt = _with(self._exempt, item)
        self._rouse()

    def _rouse(self) -> None:
        if self._reading:
            self._reading = False
            self._wake.wake()

    def _make_room(self) -> Item:
        """Take out the oldest message that counts."""
        if self._overflow is not Overflow.DROP_OLDEST:
            self._refused += 1
            raise MailboxFullError(f"the mailbox is full: {self._bound} messages wait")
        self._dropped += 1
        exempt = len(self._exempt)
        place = 0
        while place < exempt and self._mail[place] is self._exempt[place]:
            place += 1
        dropped = self._mail[place]
        del self._mail[place]
        return dropped

    def _waiting_room(self) -> WaitingRoom:
        if self._waiting is None:
            self._waiting = WaitingRoom(self._lock)
        return self._waiting

    def _wait_for_room(self, patience: float | None) -> None:
        self._blocked += 1
        limit = self.block_timeout if patience is None else min(patience, self.block_timeout)
        if not self._waiting_room().block(limit, self._lets_in):
            self._refused += 1
            raise MailboxFullError(f"the mailbox stayed full for {limit:g} s ({self._bound} wait)")

    def _lets_in(self) -> bool:
        """Whether a sender need not wait, as there is room or nothing to wait for any more."""
        return self._closed or self._room() > 0

    # -- the reader

    def get(self) -> Item | Any:
        """Wait for the next signal or message; signals first. None when closed."""
        while True:
            admitted: Sequence[OnRoom] = ()
            with self._lock:
                if self._urgent:
                    return self._urgent.popleft()
                if self._closed:
                    return None
                item = None if self._suspended or not self._mail else self._mail.popleft()
                if item is None:
                    self._reading = True
                else:
                    if self._exempt and item is self._exempt[0]:
                        self._exempt.popleft()
                    if self._waiting is not None:
                        admitted = self._admit(self._waiting)
            if item is None:
                self._wake.sleep()
                continue
            for on_room in admitted:
                on_room()
            return item

    def _admit(self, waiting: WaitingRoom) -> list[OnRoom]:
        """Let those who wait come in, as far as there is room; who is to be told of it."""
        admitted: list[OnRoom] = []
        for item, on_room in waiting.admit(self._room()):
            if on_room is None:
                self._append_exempt(item)
            else:
                self._mail.append(item)
                self._rouse()
                admitted.append(on_room)
        return admitted

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
        """Take out the exempt messages for which ``unwanted(message)`` holds; say how many.

        No room is made by it, as they do not count.
        """
        with self._lock:
            before = self._size()
            out = {id(item) for item in self._exempt if unwanted(item[0])}
            self._mail = deque(item for item in self._mail if id(item) not in out)
            self._exempt = deque(item for item in self._exempt if id(item) not in out)
            if self._waiting is not None:
                self._waiting.remove_exempt(unwanted)
            return before - self._size()

    def _size(self) -> int:
        return len(self._mail) + (0 if self._waiting is None else len(self._waiting))

    def close(self) -> list[Item]:
        """Refuse everything from now on; return the mail that was never read."""
        with self._lock:
            self._closed = True
            parked = () if self._waiting is None else self._waiting.clear()
            left = [*self._mail, *(item for item, _ in parked)]
            self._mail.clear()
            self._exempt.clear()
            self._urgent.clear()
            self._rouse()
        for _, on_room in parked:
            if on_room is not None:
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
                self._size(),
                self._bound,
                self._dropped,
                self._refused,
                self._blocked,
            )


def _with(lane: deque[Any], item: Any) -> deque[Any]:
    """The lane with an item more at its end."""
    if lane is _EMPTY:
        return deque((item,))
    lane.append(item)
    return lane


def _tell_dropped(item: Item) -> None:
    reply = item[1]
    if reply is not None:
        reply.set_error(MailboxFullError("dropped for newer mail: the mailbox is full"))
