"""What one origin has said: its log, of which only the latest fact under each key is kept.

1. The log *at n* is the latest fact under each key among those with a number up to n. Only the
   origin writes it, so that two replicas that are at the same n hold the same values.
2. A *part* tells all that is in the sender's log after ``since``; it is taken by whoever is at
   ``since`` or later, and brings it to where the sender is. A gap is left to be asked for.
3. A deletion is dropped when it is old. A part since 0 is the *whole* log: values that it lacks
   were deleted. Whoever is behind ``floor``, the highest number that was dropped, needs the whole.
4. The *check* is a hash of the values. Where it differs at the same n, the log was written twice,
   as by a host that was put back to an earlier state without knowing: the two are united.

The last fact is never dropped: where a log is, is thus always signed by the origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Fact, Key, Origin, origin_from_plain

_CHECK_BYTES = 8
_CHECK_MASK = 2**63 - 1


class Mark(NamedTuple):
    """Where a log is.

    Attributes:
        n: the number of its last fact; 0 when nothing is known.
        check: the hash of its values.
    """

    n: int
    check: int


NOTHING = Mark(0, 0)


@dataclass(frozen=True)
class Part:
    """Some of a log; see the module.

    Attributes:
        origin: whose log.
        since: all later facts are here.
        floor: the highest number that the sender dropped.
        facts: in the order of their numbers; never empty.
    """

    origin: Origin
    since: int
    floor: int
    facts: tuple[Fact, ...]

    @property
    def upto(self) -> int:
        """Where it brings a log to."""
        return self.facts[-1].n

    @property
    def size(self) -> int:
        """About how many bytes it has under way."""
        return 64 + sum(fact.size for fact in self.facts)

    def to_plain(self) -> list[Any]:
        """As plain data."""
        facts = [fact.to_plain() for fact in self.facts]
        return [list(self.origin), self.since, self.floor, facts]

    @classmethod
    def from_plain(cls, data: Any) -> Part:
        """The part that `to_plain` took apart; no signature is looked at.

        Raises:
            FactError: it is none.
        """
        try:
            origin_data, since, floor, facts_data = data
            origin = origin_from_plain(origin_data)
            facts = tuple(Fact.from_plain(origin, each) for each in facts_data)
            numbers = [since, *(fact.n for fact in facts)]
            in_order = all(a < b for a, b in pairwise(numbers))
            if not facts or not in_order or since < 0 or not 0 <= floor <= facts[-1].n:
                raise FactError(f"not a part of what {origin.host} said: its numbers are damaged")
        except (TypeError, ValueError) as error:
            raise FactError(str(error)) from None
        return cls(origin, since, floor, facts)


class Taken(NamedTuple):
    """What a part changed.

    Attributes:
        facts: those that are in now.
        removed: those that are not any more, and were not replaced.
    """

    facts: list[Fact]
    removed: list[Fact]


class Log:
    """See the module.

    Attributes:
        origin: whose it is.
        n: the number of the last fact.
        floor: the highest number that was dropped.
        size: about how many bytes it has under way.
    """

    def __init__(self, origin: Origin, facts: Iterable[Fact] = (), floor: int = 0) -> None:
        self.origin = origin
        self.floor = floor
        self.n = 0
        self.size = 0
        self._check = 0
        self._facts: dict[Key, Fact] = {}
        for fact in facts:
            self._put(fact)

    def __iter__(self) -> Iterator[Fact]:
        return iter(self._facts.values())

    def __len__(self) -> int:
        return len(self._facts)

    @property
    def mark(self) -> Mark:
        """Where it is."""
        return Mark(self.n, self._check)

    def under(self, key: Key) -> Fact | None:
        """What the origin says under a key."""
        return self._facts.get(key)

    def after(self, mark: Mark) -> Part | None:
        """What brings a replica that is at ``mark`` here; None if nothing is needed."""
        if mark == self.mark or mark.n > self.n:
            return None
        since = 0 if mark.n < self.floor or mark.n == self.n else mark.n
        facts = sorted((fact for fact in self if fact.n > since), key=lambda fact: fact.n)
        return Part(self.origin, since, self.floor, tuple(facts))

    def new_in(self, part: Part) -> list[Fact]:
        """The facts of a part that are to be taken; those have to be verified."""
        if part.upto < self.n:
            return []
        return [fact for fact in part.facts if fact.n > self.n or self._repairs(fact)]

    def is_before(self, part: Part) -> bool:
        """Whether there is a gap between this log and a part."""
        return part.since > self.n

    def take(self, part: Part) -> Taken:
        """Merge a part that is verified and has no gap before it."""
        if part.upto < self.n:
            return Taken([], [])
        removed: list[Fact] = []
        if not part.since:
            removed = self._deleted_by(part)
            self.floor = max(self.floor, part.floor)
        taken = self.new_in(part)
        for fact in removed:
            self._remove(fact)
        for fact in taken:
            self._put(fact)
        return Taken(taken, removed)

    def drop(self, fact: Fact) -> None:
        """Forget a deletion, not the last fact."""
        self._remove(fact)
        self.floor = max(self.floor, fact.n)

    def _deleted_by(self, whole: Part) -> list[Fact]:
        if whole.upto == self.n:
            return []
        there = {fact.key for fact in whole.facts}
        return [fact for fact in self if fact.is_value and fact.key not in there]

    def _repairs(self, fact: Fact) -> bool:
        """Whether a fact that should be known already is to be taken; see rule 4."""
        mine = self._facts.get(fact.key)
        if mine is None:
            return fact.is_value
        return (fact.n, fact.stamp, fact.signature) > (mine.n, mine.stamp, mine.signature)

    def _put(self, fact: Fact) -> None:
        before = self._facts.get(fact.key)
        if before is not None:
            self._remove(before)
        self._facts[fact.key] = fact
        self._check ^= _hash(fact)
        self.size += fact.size
        self.n = max(self.n, fact.n)

    def _remove(self, fact: Fact) -> None:
        del self._facts[fact.key]
        self._check ^= _hash(fact)
        self.size -= fact.size


def _hash(fact: Fact) -> int:
    """Of a value; signatures are as good as random."""
    if not fact.is_value:
        return 0
    return int.from_bytes(fact.signature[:_CHECK_BYTES]) & _CHECK_MASK
