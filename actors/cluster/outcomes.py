"""What follows from a change of a replica: what to keep on disk, pass on, and tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulacra.actors.cluster.counting import Change
from simulacra.actors.cluster.facts import Fact, Origin
from simulacra.actors.cluster.origins import Part


@dataclass
class Outcome:
    """What followed from something.

    Attributes:
        facts: those that are held now.
        removed: those that are not any more, and were not replaced.
        floors: the highest dropped number of logs, where it changed.
        changes: of what counts.
        news: parts that were new, to be passed on.
        refused: why parts were not taken.
        unauthorised: hosts that said what they may not, and what.
        ahead: hosts whose clocks are ahead.
        gaps: origins of whose logs something is missing.
    """

    facts: list[Fact] = field(default_factory=list)
    removed: list[Fact] = field(default_factory=list)
    floors: dict[Origin, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    news: list[Part] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unauthorised: list[tuple[str, str]] = field(default_factory=list)
    ahead: set[str] = field(default_factory=set)
    gaps: list[Origin] = field(default_factory=list)

    def add(self, more: Outcome) -> None:
        """What followed after that."""
        self.facts += more.facts
        self.removed += more.removed
        self.floors |= more.floors
        self.changes += more.changes
        self.news += more.news
        self.refused += more.refused
        self.unauthorised += more.unauthorised
        self.ahead |= more.ahead
        self.gaps += more.gaps
