"""Which way packets to a host take, of those that work: the ladder. Pure.

The rungs, best first: direct (punched counts as direct), by a relay's device over UDP, by one over
OpenVPN. A way that does not work any more is left at once. A better rung is climbed to when it is
settled. On one rung another way is taken only if it is clearly shorter, and has been for a while,
so that noise moves nothing. Where nothing works, what is, stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

_CLEARLY: Final = 0.8
_AT_LEAST: Final = 0.002
_FOR: Final = 3.0


class Rung(IntEnum):
    """How good a way is by its kind."""

    DIRECT = 0
    RELAYED = 1
    TUNNELLED = 2


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a host that works now.

    Attributes:
        device: by which packets leave.
        rung: its kind.
        relays: by way of whom, in order.
        trip: seconds there and back.
        settled: whether it has worked for a while.
    """

    device: str
    rung: Rung
    relays: tuple[str, ...] = ()
    trip: float = 0.0
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for a host.

    Attributes:
        way: the way; None before any worked.
        rival: the device of one that is clearly shorter, and since when.
        since: when the way was chosen.
    """

    way: Way | None = None
    rival: tuple[str, float] | None = None
    since: float = 0.0


def choose(choice: Choice, ways: Sequence[Way], now: float) -> Choice:
    """The choice after a look at the ways that work now."""
    if not ways:
        return replace(choice, rival=None)
    mine = next((each for each in ways if _is_same(each, choice.way)), None)
    if mine is None:
        return Choice(min(ways, key=_worth), None, now)
    best = min((each for each in ways if each.settled or each is mine), key=_worth)
    if best.rung < mine.rung:
        return Choice(best, None, now)
    if best is mine or not _is_clearly_shorter(best, mine):
        return Choice(mine, None, choice.since)
    rival = choice.rival
    if rival is None or rival[0] != best.device:
        return Choice(mine, (best.device, now), choice.since)
    if now - rival[1] < _FOR:
        return Choice(mine, rival, choice.since)
    return Choice(best, None, now)


def _worth(way: Way) -> tuple[int, float, str]:
    return way.rung, way.trip, way.device


def _is_same(way: Way, other: Way | None) -> bool:
    return other is not None and way.device == other.device


def _is_clearly_shorter(way: Way, than: Way) -> bool:
    return way.trip < than.trip * _CLEARLY and than.trip - way.trip > _AT_LEAST
