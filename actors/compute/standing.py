"""The standing of a computation in the moving protocol as plain data for the disk, and back."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, Final, get_args

from simulacra.actors.compute import records as m

_KINDS: Final[dict[str, type[m.Record]]] = {kind.__name__: kind for kind in get_args(m.Record)}


def to_plain(standing: m.Standing) -> dict[str, Any]:
    """A standing as a map."""
    values = {field.name: getattr(standing, field.name) for field in fields(standing)}
    return {
        name: {"kind": type(value).__name__, **asdict(value)}
        if isinstance(value, get_args(m.Record))
        else value
        for name, value in values.items()
    }


def from_plain(plain: dict[str, Any]) -> m.Standing:
    """The standing that `to_plain` gave.

    Raises:
        KeyError: it holds a record of a kind that this version does not know.
    """
    return m.Standing(**{name: _record(value) for name, value in plain.items()})


def _record(value: Any) -> Any:
    if not (isinstance(value, dict) and value.get("kind") in _KINDS):
        return value
    record = dict(value)
    return _KINDS[record.pop("kind")](**record)
