"""How two nodes agree to rest from a connection that neither needs, as a pure state machine.

A node that would rest *offers* it: it takes no more mail for the peer, and says REST on both lanes,
behind all that it sent before. Whoever has said and heard REST on both lanes has had all that the
other ever sent, and hangs up. Who is offered it and agrees says REST, too; who does not says STAY::

    a  --mail-->  --REST, REST-->            (what comes for b now is held)
    b                               --REST, REST-->  rests
    a                                                rests
    b, in need of it                --STAY-->
    a                                                goes on: what was held is sent

So both may decide at the same moment, and a message that crosses an offer is not lost: it comes
before the REST of its lane. Who offered and hears no answer in time gives the session up.

A connection is *idle* since the last use. Who offers has found it idle for the whole time, who
agrees for half of it: the two clocks differ by what was on the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from simulacra.actors.runtime.frames import Lane

_AGREES_AFTER: Final = 0.5
"""The part of the idle time after which a node agrees."""


class Step(Enum):
    """What a node is to do about resting from a peer."""

    OFFER = "offer"  # unless it is in use just now
    STAY = "stay"  # refuse the peer's offer
    REST = "rest"  # hang up in peace
    FAIL = "fail"  # the peer gave no answer


@dataclass(slots=True)
class Parting:
    """One side of one session's talk about resting.

    Attributes:
        patience: seconds that an answer may take.
        idle_since: when the connection was used last.
        number: of the last offer.
    """

    patience: float
    idle_since: float = 0.0
    number: int = 0
    _offered_at: float | None = None
    _heard: dict[Lane, int] = field(default_factory=dict)

    @property
    def is_offered(self) -> bool:
        """Whether this side has said REST, and sends no more mail."""
        return self._offered_at is not None

    @property
    def asked(self) -> int | None:
        """The number of the peer's offer, once it is complete."""
        numbers = set(self._heard.values())
        return numbers.pop() if len(self._heard) == len(Lane) and len(numbers) == 1 else None

    def begin(self, now: float) -> None:
        """The session is up."""
        self.idle_since, self.number, self._offered_at = now, 0, None
        self._heard.clear()

    def used(self, now: float) -> None:
        """The connection was used."""
        self.idle_since = now

    def offered(self, now: float) -> None:
        """This side has said REST."""
        self.number += 1
        self._offered_at = now

    def heard_rest(self, lane: Lane, number: int) -> None:
        """The peer said REST on a lane."""
        self._heard[lane] = number

    def heard_stay(self, number: int, now: float) -> bool:
        """The peer needs the connection; whether this side is to go on, as it had offered."""
        if not self.is_offered or number != self.number:
            return False
        self._offered_at, self.idle_since = None, now
        return True

    def stays(self) -> None:
        """This side has refused the peer's offer."""
        self._heard.clear()

    def is_idle(self, now: float, idle: float) -> bool:
        """Whether nothing used it for ``idle`` seconds."""
        return now - self.idle_since >= idle

    def look(self, now: float, idle: float, *, wants: bool, needs: bool) -> Step | None:
        """What is due.

        Args:
            now: the time in seconds.
            idle: how long a connection must have been idle.
            wants: whether this node would rest, as it has too many connections.
            needs: whether this node needs the connection, idle or not.
        """
        if self._offered_at is not None:
            if self.asked is not None:
                return Step.REST
            return Step.FAIL if now - self._offered_at >= self.patience else None
        if self.asked is not None:
            agrees = not needs and self.is_idle(now, idle * _AGREES_AFTER)
            return Step.OFFER if agrees else Step.STAY
        return Step.OFFER if wants and not needs and self.is_idle(now, idle) else None


@dataclass(frozen=True, slots=True)
class Line:
    """A connection, as `surplus` judges it.

    Attributes:
        key: the peer's.
        idle_since: when it was used last.
        is_free: whether it may be parted from, for all that is known at once.
    """

    key: str
    idle_since: float
    is_free: bool


def surplus(lines: Iterable[Line], most: int, idle: float, now: float) -> list[str]:
    """The keys of the idle connections that are too many, beginning with the longest idle."""
    lines = list(lines)
    idlers = [each for each in lines if each.is_free and now - each.idle_since >= idle]
    idlers.sort(key=lambda line: (line.idle_since, line.key))
    return [line.key for line in idlers][: max(0, len(lines) - most)]
