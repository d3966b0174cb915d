"""How replicas bring one another to the same state.

1. *News* is pushed at once to the neighbours, and by each of them to theirs if it was new to it.
2. What got lost is found by comparing with one neighbour at a time, now and then, and with each
   when it connects. Only the logs that differ are told (`vectors`), in messages of a bounded size.
3. What came that way is not pushed on, as it may be much: the neighbours are asked to compare.

::

    a                                b
    | Compare(digest of a) --------> |  same: nothing to do
    | <- Vector(buckets that differ) |
    | Facts(what b lacks) ---------> |
    | Lacking(where a is behind) --> |
    | <------ Facts(what a lacks) -- |  more: a compares again

Any message may get lost: comparing makes up for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from simulacra.actors.cluster import vectors
from simulacra.actors.cluster.origins import NOTHING, Part
from simulacra.actors.cluster.outcomes import Outcome
from simulacra.actors.cluster.replica import Replica

_BATCH: Final = 64 * 1024
_BATCHES: Final = 8
"""How many messages, of how many bytes, are sent before the other has to compare again."""


@dataclass(frozen=True, slots=True)
class Compare:
    """Is this your digest too? From the host that it names, as all of these are."""

    host: str
    digest: list[int]


@dataclass(frozen=True, slots=True)
class Vector:
    """All that a host has in some buckets of its vector."""

    host: str
    buckets: list[int]
    marks: list[Any]


@dataclass(frozen=True, slots=True)
class Lacking:
    """Where a host is in some logs; what comes after that is asked for."""

    host: str
    marks: list[Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """Parts of logs.

    Attributes:
        host: who passes them on.
        parts: as `Part.to_plain` gives them.
        fresh: whether they were said just now.
        more: whether there is more for who compares again.
    """

    host: str
    parts: list[Any]
    fresh: bool
    more: bool = False


Message = Compare | Vector | Lacking | Facts
Tell = tuple[str, Message]
"""A message, and the host that it is for."""


@dataclass
class Step:
    """What follows from a message.

    Attributes:
        outcome: for this host.
        tells: for others.
    """

    outcome: Outcome = field(default_factory=Outcome)
    tells: list[Tell] = field(default_factory=list)


class Exchange:
    """One replica's side of it.

    Args:
        host: this host's name.
        replica: what it holds.
    """

    def __init__(self, host: str, replica: Replica) -> None:
        self._host = host
        self._replica = replica

    def compare(self, hosts: Iterable[str]) -> list[Tell]:
        """Compare with some hosts."""
        message = Compare(self._host, list(self._replica.logs.digest))
        return [(host, message) for host in hosts]

    def push(self, news: Iterable[Part], hosts: Iterable[str], but: str = "") -> list[Tell]:
        """Tell news to some hosts, but not to the one that told it."""
        told = [host for host in hosts if host not in (but, self._host)]
        messages = [
            Facts(self._host, [part.to_plain() for part in batch], fresh=True)
            for batch in vectors.batches(news, _BATCH)
        ]
        return [(host, message) for message in messages for host in told]

    def hear(self, message: Message, neighbours: Iterable[str], wall: int) -> Step:
        """A message has come.

        Args:
            message: the message.
            neighbours: the hosts that are connected now.
            wall: milliseconds since the epoch.

        Raises:
            FactError: it is damaged.
        """
        match message:
            case Compare(host, digest):
                return Step(tells=self._tell_difference(host, digest))
            case Vector(host, buckets, marks):
                return Step(tells=self._make_up(host, buckets, vectors.from_plain(marks)))
            case Lacking(host, marks):
                return Step(tells=self._facts_for(host, vectors.from_plain(marks)))
            case Facts():
                return self._take(message, neighbours, wall)

    def _tell_difference(self, host: str, digest: list[int]) -> list[Tell]:
        buckets = vectors.differing(self._replica.logs.digest, digest)
        if not buckets:
            return []
        marks = vectors.to_plain(vectors.within(self._replica.logs.vector, buckets))
        return [(host, Vector(self._host, sorted(buckets), marks))]

    def _make_up(self, host: str, buckets: list[int], theirs: vectors.Vector) -> list[Tell]:
        mine = vectors.within(self._replica.logs.vector, buckets)
        tells = self._facts_for(host, {**dict.fromkeys(mine, NOTHING), **theirs})
        behind = self._replica.logs.behind(theirs)
        if behind:
            tells.append((host, Lacking(self._host, vectors.to_plain(behind))))
        return tells

    def _facts_for(self, host: str, theirs: vectors.Vector) -> list[Tell]:
        batches = vectors.batches(self._replica.logs.parts_for(theirs), _BATCH)
        several = list(islice(batches, _BATCHES + 1))
        tells: list[Tell] = []
        for at, batch in enumerate(several[:_BATCHES]):
            more = at + 1 == _BATCHES < len(several)
            plain = [part.to_plain() for part in batch]
            tells.append((host, Facts(self._host, plain, fresh=False, more=more)))
        return tells

    def _take(self, message: Facts, neighbours: Iterable[str], wall: int) -> Step:
        host = message.host
        parts = [Part.from_plain(part) for part in message.parts]
        outcome = self._replica.merge(parts, wall)
        step = Step(outcome)
        if outcome.news and message.fresh:
            step.tells += self.push(outcome.news, neighbours, but=host)
        elif outcome.news:
            step.tells += self.compare(each for each in neighbours if each != host)
        if outcome.gaps:
            marks = vectors.to_plain(self._replica.logs.marks(outcome.gaps))
            step.tells.append((host, Lacking(self._host, marks)))
        if message.more and outcome.news:
            step.tells += self.compare([host])
        return step
