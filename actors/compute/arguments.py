"""Arguments of computations: plain data, paths that are read, and whatever else can be packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulacra.actors.compute.values import is_plain, pack, unpack


@dataclass(frozen=True, slots=True)
class Reads:
    """An argument that is a path the computation reads: placement looks at it.

    Attributes:
        path: ``host:path``, or a path of the host where the computation is spawned.
    """

    path: str


@dataclass(frozen=True, slots=True)
class Pickled:
    """An argument that is no plain data, packed; the worker unpacks it."""

    data: bytes


def is_argument(value: Any) -> bool:
    """Whether a spec takes it as it is."""
    return isinstance(value, Reads | Pickled) or is_plain(value)


def pack_argument(name: str, value: Any) -> Any:
    """An argument as a spec takes it: plain data and `Reads` as they are, the rest packed.

    Raises:
        CannotPackError: it cannot leave this process; the text names the argument.
    """
    if is_argument(value):
        return value
    return Pickled(pack(value, f"the argument {name}"))


def unpack_argument(value: Any) -> Any:
    """An argument as user code gets it; only in a worker, for it may unpickle."""
    if isinstance(value, Reads):
        return value.path
    return unpack(value.data) if isinstance(value, Pickled) else value


def to_plain(value: Any) -> Any:
    """An argument of a spec as plain data."""
    if isinstance(value, Reads):
        return ["reads", value.path]
    return ["pickled", value.data] if isinstance(value, Pickled) else ["plain", value]


def from_plain(tagged: Sequence[Any]) -> Any:
    """The argument that `to_plain` gave.

    Raises:
        KeyError, TypeError, ValueError: it gave something else.
    """
    kind, value = tagged
    if kind == "plain":
        return value
    return {"reads": Reads, "pickled": Pickled}[kind](value)
