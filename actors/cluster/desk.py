"""What a kind of entry works on: the records, and the fields of a request, checked at the door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.lattice import Dot, State, Values

KEYS_AT_MOST = 10_000
NAME_LENGTH = 200


class RefusedError(Exception):
    """A request that the master's state does not allow; the text says why and what to do."""


@dataclass
class Desk:
    """What a kind works on.

    Attributes:
        state: the records.
        dot: of this entry.
        epoch: that it is written in.
        at: the master's clock, in seconds since 1970; it decides nothing.
    """

    state: State
    dot: Dot
    epoch: Epoch
    at: float
    _writes: list[tuple[str, str, Any]] = field(default_factory=list)

    def values(self, table: str, key: str) -> Values:
        """The values of a key as they were before this entry."""
        return self.state.values(table, key)

    def put(self, table: str, key: str, value: Any) -> None:
        """Write a key."""
        self._writes.append((table, key, value))

    def drop(self, table: str, key: str) -> None:
        """Remove a key."""
        self._writes.append((table, key, None))

    def commit(self) -> None:
        """Do what was written: all of it, once nothing was refused."""
        for table, key, value in self._writes:
            if value is None:
                self.state.drop(table, key)
            else:
                self.state.put(table, key, self.dot, value)


Kind = Callable[[Desk, dict[str, Any]], Any]
"""Does an entry, and gives its answer."""


def text(body: dict[str, Any], key: str) -> str:
    """A field of a request that must be a short text.

    Raises:
        RefusedError: it is not.
    """
    value = body.get(key)
    if not isinstance(value, str) or not value or len(value) > NAME_LENGTH:
        raise RefusedError(f"{key!r} must be a text of 1 to {NAME_LENGTH} characters")
    if not value.isprintable():
        raise RefusedError(f"{key!r} holds characters that cannot be printed: {value!r}")
    return value


def whole(body: dict[str, Any], key: str) -> int:
    """A field of a request that must be a whole number, 0 or more.

    Raises:
        RefusedError: it is not.
    """
    value = body.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RefusedError(f"{key!r} must be a whole number, 0 or more")
    return value


def room(desk: Desk, table: str, key: str, most: int) -> None:
    """Refuse a new key of a table that is full.

    Raises:
        RefusedError: it is.
    """
    if not desk.values(table, key) and desk.state.size(table) >= most:
        raise RefusedError(f"there are {most} {table} already; remove some first")
