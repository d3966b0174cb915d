"""All facts that a replica holds, by what they are about, and which of them counts.

Under each key every origin has one fact at most. What counts is judged anew (`counting`) whenever
a fact comes or goes, and when who is trusted has changed; a judgement also depends on the time, as
deletions grow old. What changes by that is told, so that whoever watches a key need not look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from simulacra.actors.cluster.counting import Change, Rules
from simulacra.actors.cluster.facts import Fact, Key, Origin

_NO_FACTS: Final[Mapping[Origin, Fact]] = MappingProxyType({})


class FactTable:
    """See the module.

    Args:
        rules: what facts are judged by.

    Attributes:
        rules: what facts are judged by; who changes them has everything judged anew.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._facts: dict[Key, dict[Origin, Fact]] = {}
        self._counting: dict[Key, Fact] = {}

    @property
    def counting(self) -> Mapping[Key, Fact]:
        """The facts that count."""
        return self._counting

    def under(self, key: Key) -> Mapping[Origin, Fact]:
        """What each origin says under a key."""
        return self._facts.get(key, _NO_FACTS)

    def put(self, fact: Fact) -> None:
        """Enter a fact, for what its origin said under this key before; `judge` its key then."""
        self._facts.setdefault(fact.key, {})[fact.origin] = fact

    def forget(self, fact: Fact) -> None:
        """Take a fact out; `judge` its key then."""
        there = self._facts[fact.key]
        del there[fact.origin]
        if not there:
            del self._facts[fact.key]

    def judge(self, wall: int, keys: Iterable[Key] | None = None) -> list[Change]:
        """Find out anew what counts under some keys, or all; what has changed by that.

        Args:
            wall: milliseconds since the epoch.
            keys: which; each may be among them more than once.
        """
        changes = []
        for key in dict.fromkeys(list(self._facts) if keys is None else keys):
            before = self._counting.get(key)
            after = self.rules.counting(self.under(key).values(), wall)
            if after is not None:
                self._counting[key] = after
            elif before is not None:
                del self._counting[key]
            if after != before:
                changes.append(Change(key, before, after))
        return changes
