"""Records of masters that merge: the same whatever the order, without tombstones.

Every entry of a journal has a *dot*: (origin, n), where the origin is one store of one host and n
counts its entries without a gap. A *state* is tables of keys, each with the values that were
written to it, by their dots, and a *context*: for each origin, up to which n it is known. Writing
to a key replaces the values that the writer saw. Merging two states keeps a value unless one side
knows its dot and has it no more: then it was replaced or dropped there. What was written to one key
on two sides stays side by side until it is written again; how such values are shown as one is up to
each table (see `entry_kinds`). This is a join: commutative, associative and idempotent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Dot = tuple[str, int]
Values = dict[Dot, Any]
Context = dict[str, int]


def pack(plain: Any) -> bytes:
    """Plain data as bytes, always the same for equal data.

    Raises:
        ValueError: it holds a number that is none, or text that is none.
        TypeError: it is no plain data.
    """
    text = json.dumps(
        plain, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )
    return text.encode()


def covers(context: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether whoever has ``context`` knows all that whoever has ``other`` knows."""
    return all(context.get(origin, 0) >= n for origin, n in other.items())


@dataclass(frozen=True, slots=True)
class Difference:
    """What a merge changes in a state.

    Attributes:
        adds: (table, key, origin, n, value) to come in.
        drops: (table, key, origin, n) to go.
        context: what the other side knows.
    """

    adds: list[list[Any]]
    drops: list[list[Any]]
    context: Context

    def to_plain(self) -> dict[str, Any]:
        """As plain data."""
        return {"adds": self.adds, "drops": self.drops, "context": self.context}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Difference:
        """What `to_plain` gave."""
        return cls(plain["adds"], plain["drops"], plain["context"])


class State:
    """Tables of values with dots, and the context that they were written in.

    Attributes:
        context: for each origin, up to which number it is known.
    """

    def __init__(self) -> None:
        self.context: Context = {}
        self._tables: dict[str, dict[str, Values]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self.to_plain() == other.to_plain()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def values(self, table: str, key: str) -> Values:
        """The values of a key by their dots; several where sides wrote apart."""
        return self._tables.get(table, {}).get(key, {})

    def first(self, table: str, key: str) -> Any:
        """The value of a key that all hosts show: of several that of the least dot; else None."""
        values = self.values(table, key)
        return values[min(values)] if values else None

    def keys(self, table: str) -> list[str]:
        """The keys of a table, sorted."""
        return sorted(self._tables.get(table, {}))

    def size(self, table: str) -> int:
        """How many keys a table has."""
        return len(self._tables.get(table, {}))

    def next_dot(self, origin: str) -> Dot:
        """The dot of an origin's next entry."""
        return origin, self.context.get(origin, 0) + 1

    def know(self, dot: Dot) -> None:
        """An entry was taken in."""
        self.context[dot[0]] = max(dot[1], self.context.get(dot[0], 0))

    def put(self, table: str, key: str, dot: Dot, value: Any) -> None:
        """Replace the values of a key by one."""
        self._tables.setdefault(table, {})[key] = {dot: value}

    def drop(self, table: str, key: str) -> None:
        """Forget a key; does nothing if there is none."""
        self._tables.get(table, {}).pop(key, None)

    # -- merging

    def difference(self, other: State) -> Difference:
        """What merging ``other`` into this state would change."""
        adds = [
            [table, key, *dot, value]
            for table, key, dot, value in other.elements()
            if dot[1] > self.context.get(dot[0], 0)
        ]
        drops = [
            [table, key, *dot]
            for table, key, dot, _ in self.elements()
            if dot[1] <= other.context.get(dot[0], 0) and dot not in other.values(table, key)
        ]
        return Difference(adds, drops, dict(other.context))

    def merge(self, difference: Difference) -> None:
        """Take in what `difference` of this same state gave."""
        for table, key, origin, n in difference.drops:
            keys = self._tables[table]
            keys[key].pop((origin, n))
            if not keys[key]:
                del keys[key]
        for table, key, origin, n, value in difference.adds:
            self._tables.setdefault(table, {}).setdefault(key, {})[origin, n] = value
        for origin, n in difference.context.items():
            self.know((origin, n))

    def elements(self) -> Iterator[tuple[str, str, Dot, Any]]:
        """Everything, in an order that depends on nothing but what it is."""
        for table in sorted(self._tables):
            for key in sorted(self._tables[table]):
                for dot in sorted(self._tables[table][key]):
                    yield table, key, dot, self._tables[table][key][dot]

    # -- as data

    def to_plain(self) -> dict[str, Any]:
        """As plain data, equal for equal states."""
        return {
            "context": dict(sorted(self.context.items())),
            "elements": [[table, key, *dot, value] for table, key, dot, value in self.elements()],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> State:
        """What `to_plain` gave."""
        state = cls()
        state.merge(Difference(plain["elements"], [], plain["context"]))
        return state
