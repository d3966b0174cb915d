"""Who is to be master: an order of the candidates that can say why.

In this order: the user's succession list, mains power, the longest journal, how long up (a day or
more is alike), links to others, and at last the host's name, so that all who know the same choose
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

DAY = 24.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What a host says of itself as a candidate.

    Attributes:
        mains: whether it runs on mains power; unknown counts as yes (desktops have no battery).
        uptime: hours that its node is up.
        links: how many hosts it reaches.
    """

    mains: bool = True
    uptime: float = 0.0
    links: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host that could be master.

    Attributes:
        host: its name.
        journal: the sequence number that its journal ends with.
        standing: what it says of itself.
    """

    host: str
    journal: int = 0
    standing: Standing = Standing()


def ranked(candidates: Iterable[Candidate], succession: Sequence[str] = ()) -> list[Candidate]:
    """The candidates, the best first.

    Args:
        candidates: in any order.
        succession: the user's list, the first in line first; hosts not on it come after.
    """
    return sorted(candidates, key=lambda candidate: _merits(candidate, succession))


def explain(candidates: Sequence[Candidate], succession: Sequence[str] = ()) -> str:
    """Why the first of `ranked` candidates is the first."""
    first, *others = ranked(candidates, succession)
    if not others:
        return f"{first.host} is the only host in reach"
    second = others[0]
    for (says, _), a, b in zip(
        _CRITERIA, _merits(first, succession), _merits(second, succession), strict=True
    ):
        if a != b:
            return f"{first.host} before {second.host}: {says}"
    return f"{first.host} and {second.host} are the same host"


def _place(candidate: Candidate, succession: Sequence[str]) -> int:
    return succession.index(candidate.host) if candidate.host in succession else len(succession)


_Merit = Callable[[Candidate, Sequence[str]], Any]
_CRITERIA: tuple[tuple[str, _Merit], ...] = (
    ("earlier in the succession list", _place),
    ("on mains power", lambda candidate, _: not candidate.standing.mains),
    ("the longer journal", lambda candidate, _: -candidate.journal),
    ("up for longer", lambda candidate, _: -int(min(candidate.standing.uptime, DAY))),
    ("reaches more hosts", lambda candidate, _: -candidate.standing.links),
    ("first by name", lambda candidate, _: candidate.host),
)


def _merits(candidate: Candidate, succession: Sequence[str]) -> tuple[Any, ...]:
    return tuple(merit(candidate, succession) for _, merit in _CRITERIA)
