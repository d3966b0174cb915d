"""A party's asks, both ways: what it waits for, and what it owes.

An ask that the party made is *pending* until it is answered, fails or runs out of time: whatever
comes first takes it away, so that what comes later finds nothing. An ask that the party got is
*open* until it is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Pending:
    """An ask that waits for its answer.

    Attributes:
        to: the party that was asked.
        n: the number of the letter that asks.
        due: when it runs out of time, on the clock of the present host; None for never.
    """

    to: str
    n: int
    due: float | None


class Asks:
    """The pending and the open asks of one party."""

    def __init__(self) -> None:
        self._pending: dict[str, Pending] = {}
        self._open: set[tuple[str, str]] = set()

    def __contains__(self, request: str) -> bool:
        """Whether the ask is pending."""
        return request in self._pending

    def wait(self, request: str, pending: Pending) -> None:
        """An ask was made."""
        self._pending[request] = pending

    def finish(self, request: str) -> bool:
        """The ask is over; whether it was pending until now."""
        return self._pending.pop(request, None) is not None

    def deadline(self) -> float | None:
        """When the first of the pending asks runs out of time."""
        dues = (pending.due for pending in self._pending.values())
        return min((due for due in dues if due is not None), default=None)

    def expire(self, now: float) -> list[str]:
        """End those that have run out of time."""
        return self._end_if(lambda pending: pending.due is not None and pending.due <= now)

    def lose(self, to: str, received: int | None) -> list[str]:
        """End those whose party is gone: all, or those after the last letter that it received."""
        return self._end_if(lambda p: p.to == to and (received is None or p.n > received))

    def open(self, asker: str, request: str) -> None:
        """An ask was delivered to the party."""
        self._open.add((asker, request))

    def close(self, asker: str, request: str) -> bool:
        """The party answers an ask; whether it was open until now."""
        was_open = (asker, request) in self._open
        self._open.discard((asker, request))
        return was_open

    def end(self) -> list[tuple[str, str]]:
        """Forget what is pending; give what is open, as pairs of asker and request."""
        self._pending.clear()
        owed, self._open = sorted(self._open), set()
        return owed

    def to_plain(self, now: float) -> dict[str, Any]:
        """All of it for a snapshot, with the time that is left instead of the time it is due."""
        return {
            "open": [list(key) for key in sorted(self._open)],
            "pending": [
                [request, p.to, p.n, None if p.due is None else p.due - now]
                for request, p in self._pending.items()
            ],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any], now: float) -> "Asks":
        """What `to_plain` gave, by the clock of this host."""
        self = cls()
        self._open = {(asker, request) for asker, request in plain["open"]}
        self._pending = {
            request: Pending(to, n, None if left is None else now + left)
            for request, to, n, left in plain["pending"]
        }
        return self

    def _end_if(self, over: Callable[[Pending], bool]) -> list[str]:
        ended = [request for request, pending in self._pending.items() if over(pending)]
        for request in ended:
            del self._pending[request]
        return ended
