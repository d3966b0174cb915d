"""How good a link is, by numbered probes: round trip, loss, age. Pure; times are handed in.

A link is a device of this host and a host at its other end, with no matter how many relays between.
A probe that is not answered in time is missed; once one is, the next follow quickly. After `MISSED`
in a row the link has failed, and the first answer brings it to life again; it is settled when it
has answered `SETTLED` times in a row and lost little: only then is it worth climbing back to. An
answer that is late counts for nothing but the time that the next probes are given.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

MISSED: Final = 3
SETTLED: Final = 3
_SHORTEST: Final = 0.5
_UNKNOWN: Final = 1.0
_TRIPS: Final = 3.0
_LONGEST: Final = 10.0
_AT_ONCE: Final = 0.2
_WINDOW: Final = 20
_RECENT: Final = 5
_RELIABLE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Quality:
    """A link as it is.

    Attributes:
        works: whether it does, as far as is known.
        failed: whether it was tried and does not.
        settled: whether it has worked for a while, with little loss.
        trip: seconds there and back, the shortest of late, which nothing delayed; None while it
            does not work.
        loss: share of the last probes that were missed.
        age: seconds since the last answer; None before the first.
    """

    works: bool
    failed: bool
    settled: bool
    trip: float | None
    loss: float
    age: float | None


class Link:
    """The measure of one link."""

    def __init__(self) -> None:
        self._under_way: dict[int, float] = {}
        self._given_up: deque[int] = deque(maxlen=_WINDOW)
        self._late_trip: float | None = None
        self._outcomes: deque[bool] = deque(maxlen=_WINDOW)
        self._trips: deque[float] = deque(maxlen=_RECENT)
        self._answered_at: float | None = None
        self._missed = 0
        self._answered = 0
        self._sent_at = -1e9

    def is_due(self, every: float, now: float) -> bool:
        """Whether to probe it, where one does so ``every`` so many seconds."""
        hurried = 0 < self._missed < MISSED
        return now - self._sent_at >= (min(every, _AT_ONCE) if hurried else every)

    def hurry(self) -> None:
        """Have the next probe be due at once."""
        self._sent_at = -1e9

    def send(self, number: int, now: float) -> None:
        """A probe of this number is sent."""
        self._under_way[number] = self._sent_at = now

    def answered(self, number: int, trip: float, now: float) -> bool:
        """The answer to a probe came; whether it was this link's, and in time."""
        if self._under_way.pop(number, None) is None:
            if number in self._given_up:
                self._late_trip = trip
            return False
        if self._missed >= MISSED:
            self._outcomes.clear()  # what was missed while it failed says nothing of how it is now
        self._outcomes.append(True)
        self._answered_at = now
        self._missed = 0
        self._answered += 1
        self._trips.append(trip)
        self._late_trip = None
        return True

    def expire(self, now: float) -> None:
        """Count what was not answered in time."""
        patience = self._patience()
        late = [number for number, at in self._under_way.items() if now - at > patience]
        for number in late:
            del self._under_way[number]
            self._given_up.append(number)
            self._outcomes.append(False)
            self._missed += 1
            self._answered = 0
        if self._missed >= MISSED:
            self._trips.clear()

    def _patience(self) -> float:
        """Seconds that an answer may take."""
        if self._trips:
            return max(_SHORTEST, _TRIPS * min(self._trips))
        if self._late_trip is not None:
            return min(max(_UNKNOWN, _TRIPS * self._late_trip), _LONGEST)
        return _UNKNOWN

    def quality(self, now: float) -> Quality:
        """How it is."""
        failed = self._missed >= MISSED
        works = self._answered_at is not None and not failed
        loss = self._outcomes.count(False) / len(self._outcomes) if self._outcomes else 0.0
        settled = works and self._answered >= SETTLED and loss <= _RELIABLE
        age = None if self._answered_at is None else now - self._answered_at
        return Quality(works, failed, settled, min(self._trips, default=None), loss, age)
