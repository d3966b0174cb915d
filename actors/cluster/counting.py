"""What counts of all that was said: one value, or nothing, under each key.

1. Of several origins' facts under one key that counts which has the highest (epoch, stamp, origin).
   Only origins that are members, and what they may say, are looked at; a kind that is not known is
   not shown.
2. A deletion that counts hides all others, while it is young (`Kind.keep`). An old one hides only
   those facts that it names. So it makes no difference whether a replica still has it or, none of
   what it names being there any more, has dropped it.
3. Whose own value is hidden by another's says that it is ``gone``, so that it does not come back
   when the other one goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from simulacra.actors.cluster.facts import Dot, Fact, Form, Key
from simulacra.actors.cluster.kinds import DAY, KINDS, Kind, Trust, why_not

_KEEP_UNKNOWN: Final = 60 * DAY


class Change(NamedTuple):
    """What counts under a key has changed.

    Attributes:
        key: the key.
        before: what counted, if anything.
        after: what counts now, if anything.
    """

    key: Key
    before: Fact | None
    after: Fact | None


@dataclass(frozen=True)
class Rules:
    """What facts are judged by.

    Attributes:
        trust: who is who.
        kinds: the kinds of facts that are known.
    """

    trust: Trust
    kinds: Mapping[str, Kind]

    def counting(self, facts: Iterable[Fact], wall: int) -> Fact | None:
        """Which of the facts under one key counts now; ``wall`` in milliseconds."""
        hidden: set[Dot] = set()
        for fact in sorted(facts, key=lambda fact: fact.rank, reverse=True):
            if fact.form is Form.GONE or not self.believes(fact):
                continue
            if fact.is_value and not _is_hidden(fact, hidden):
                return fact
            if fact.form is Form.DELETED:
                if not self.is_old(fact, wall):
                    return None
                hidden |= set(fact.deletes)
        return None

    def believes(self, fact: Fact) -> bool:
        """Whether a fact is to be looked at."""
        is_known = fact.key.kind in self.kinds
        return is_known and self.trust.is_member(fact.origin) and self.why_not(fact) is None

    def why_not(self, fact: Fact) -> str | None:
        """Why its origin may not say a fact; None if it may."""
        return why_not(fact, self.trust, self.kinds)

    def is_old(self, fact: Fact, wall: int) -> bool:
        """Whether a deletion may be dropped when nothing is there that it names."""
        if fact.form is Form.GONE:
            return True
        kind = self.kinds.get(fact.key.kind)
        return fact.stamp.ms + (kind.keep if kind else _KEEP_UNKNOWN) < wall


def known_rules(trust: Trust) -> Rules:
    """The rules with the kinds that this software knows."""
    return Rules(trust, KINDS)


def _is_hidden(fact: Fact, hidden: set[Dot]) -> bool:
    return any(origin == fact.origin and fact.n <= n for origin, n in hidden)
