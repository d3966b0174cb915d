"""How long a suspect has to contradict: the shorter, the more hosts have accused it on their own.

One host that gets no answers may itself be the one at fault, and alone it must wait long; several
that find the same can hardly be wrong. Hosts are patient with those that contradicted before: a
slow host would otherwise be suspected, contradict and be suspected again, without end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from simulacra.actors.cluster.swim_settings import Settings


@dataclass(slots=True)
class Suspicion:
    """That one host may be lost.

    Attributes:
        since: when this host heard of it, in own time.
        wanted: how many accusers beside the first make it certain; 0 if there can be no others.
        accusers: who got no answer.
    """

    since: float
    wanted: int
    accusers: set[str] = field(default_factory=set)

    def lasts(self, settings: Settings) -> float:
        """Seconds from `since` until the suspect is held to be down."""
        shortest, longest = settings.suspicion
        if not self.wanted:
            return shortest
        others = min(len(self.accusers) - 1, self.wanted)
        share = math.log1p(max(others, 0)) / math.log1p(self.wanted)
        return longest - share * (longest - shortest)


class Patience:
    """How many times as patient to be with whom."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._given: dict[str, tuple[float, float]] = {}

    def grow(self, host: str, now: float) -> None:
        """A host has contradicted a suspicion."""
        longest = self._settings.patience
        self._given[host] = min(2 * self.of(host, now), longest), now
        stale = now - 4 * self._settings.calm  # what is left of it then makes no difference
        self._given = {host: given for host, given in self._given.items() if given[1] > stale}

    def of(self, host: str, now: float) -> float:
        """The factor, 1 for a host that gave no cause."""
        given = self._given.get(host)
        if given is None:
            return 1.0
        factor, since = given
        return max(1.0, factor * math.exp2((since - now) / self._settings.calm))
