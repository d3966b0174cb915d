"""Records as plain data and back: what travels, is signed and is kept on disk.

A record is a frozen dataclass of texts, whole numbers, other records and tuples of them. Reading
is strict in what is there (types, sizes) and kind to what is newer (fields that are not known are
left out).
"""

from __future__ import annotations

import struct
from dataclasses import asdict, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from zmq.utils import z85

from simulacra.actors.settings_checks import HOST_NAME

TEXT_LIMIT: Final = 1024
LIST_LIMIT: Final = 100_000
TIME_LIMIT: Final = 2**40
"""Seconds since the epoch: no later time fits a record."""

_CURVE_LENGTH: Final = 40

_Record = TypeVar("_Record")


class MalformedRecordError(ValueError):
    """Plain data is not the record that it should be."""


def is_host_name(name: str) -> bool:
    """Whether a host, or a network, may have this name: one label of DNS, in small letters."""
    return HOST_NAME.fullmatch(name) is not None


def is_curve_key(text: str) -> bool:
    """Whether a text has the form of a CURVE public key, in Z85."""
    try:
        return len(text) == _CURVE_LENGTH and len(z85.decode(text.encode())) > 0
    except (KeyError, UnicodeError, ValueError, struct.error):
        return False


def is_time(seconds: int) -> bool:
    """Whether a number can be a time."""
    return 0 <= seconds < TIME_LIMIT


def plain(record: Any) -> dict[str, Any]:
    """A record as maps, lists, texts and numbers."""
    return asdict(record)


def read(kind: type[_Record], data: Any) -> _Record:
    """The record that `plain` took apart.

    Raises:
        MalformedRecordError: a field is missing, of another type, or too large.
    """
    if not isinstance(data, dict):
        raise MalformedRecordError(f"{kind.__name__}: not a map")
    hints = get_type_hints(kind)
    values = {}
    for field in fields(kind):  # type: ignore[arg-type]  # every record is a dataclass
        if field.name not in data:
            raise MalformedRecordError(f"{kind.__name__}.{field.name}: missing")
        where = f"{kind.__name__}.{field.name}"
        values[field.name] = _value(hints[field.name], data[field.name], where)
    return kind(**values)


def _value(hint: Any, data: Any, where: str) -> Any:
    if get_origin(hint) is tuple:
        return _items(get_args(hint)[0], data, where)
    if get_origin(hint) is UnionType:
        [inner] = [each for each in get_args(hint) if each is not NoneType]
        return None if data is None else _value(inner, data, where)
    if is_dataclass(hint) and isinstance(hint, type):
        return read(hint, data)
    if type(data) is not hint:
        raise MalformedRecordError(f"{where}: not of type {hint.__name__}")
    if isinstance(data, str) and len(data) > TEXT_LIMIT:
        raise MalformedRecordError(f"{where}: more than {TEXT_LIMIT} characters")
    return data


def _items(kind: Any, data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise MalformedRecordError(f"{where}: not a list")
    if len(data) > LIST_LIMIT:
        raise MalformedRecordError(f"{where}: more than {LIST_LIMIT} items")
    return tuple(_value(kind, item, where) for item in data)
