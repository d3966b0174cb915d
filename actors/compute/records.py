"""The records of the moving protocol as plain data for the disk, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final, get_args

from simulacra.actors.compute import moves as m

_KINDS: Final[dict[str, type[m.Record]]] = {kind.__name__: kind for kind in get_args(m.Record)}


def to_plain(record: m.Record) -> dict[str, Any]:
    """A record as a map."""
    return {"kind": type(record).__name__, **asdict(record)}


def from_plain(plain: dict[str, Any]) -> m.Record:
    """The record that `to_plain` gave.

    Raises:
        KeyError: it is of a kind that this version does not know.
    """
    fields = dict(plain)
    return _KINDS[fields.pop("kind")](**fields)
