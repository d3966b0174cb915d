"""Where a peer is tried while it cannot be reached: every place it may be, in turn. Pure.

While a link works its endpoint is WireGuard's own affair, which follows the peer. While it does not
the places are tried one after the other, each with a fresh start, since WireGuard itself would wait
5 s before it speaks again. Both sides do so, which is what punches a way through two NATs. But two
that begin at once do not agree, as each forgets its own beginning for the other's: so one of them,
the one that leads, tries again sooner than the other. What goes on in vain is tried less and less
often; news begins it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

_FIRST: Final = 1.0
_GROWTH: Final = 1.4
_LONGEST: Final = 20.0
_LEAD: Final = 0.6


@dataclass(frozen=True, slots=True)
class Search:
    """A search for one peer at one device.

    Attributes:
        places: where it may be, best first.
        turn: how many tries there were.
        due: when the next is.
    """

    places: tuple[str, ...] = ()
    turn: int = 0
    due: float = 0.0


def told(search: Search, places: Sequence[str], now: float) -> Search:
    """The search when these places are known; those that are new are tried soon."""
    known = tuple(dict.fromkeys(places))
    if known == search.places:
        return search
    if set(known) <= set(search.places):
        return replace(search, places=known)
    return Search(known, 0, min(search.due, now + _FIRST) if search.places else now)


def found(search: Search, now: float) -> Search:
    """The search while the peer is reached: once it is not, the first try has a moment's time."""
    return replace(search, turn=0, due=now + _FIRST)


def again(search: Search, now: float) -> Search:
    """The search after something happened that may change everything: begin anew, at once."""
    return replace(search, turn=0, due=now)


def due(search: Search, now: float, *, leads: bool) -> tuple[Search, str | None]:
    """The place to try now, if it is time; of the two that search, just one leads."""
    if not search.places or now < search.due:
        return search, None
    place = search.places[search.turn % len(search.places)]
    # A whole round is quick; then each round takes longer.
    wait = min(_FIRST * _GROWTH ** (search.turn // len(search.places)), _LONGEST)
    due_at = now + (_LEAD * wait if leads else wait)
    return replace(search, turn=search.turn + 1, due=due_at), place
