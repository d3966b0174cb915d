"""Records as plain data, for the store and for the way between hosts; what comes in is checked.

A record is [id, location, mode, mtime, xattrs, versions, alive, context]; a cell is [event, value],
an event [ms, tick, host, incarnation, n], a dot the last three of these.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

from simulacra.actors.cluster.clock import Stamp
from simulacra.actors.data.entries import FOLDER, Attributes, Content, Kind
from simulacra.actors.data.reconciling.copy_names import NAME_LIMIT, is_aside_name
from simulacra.actors.data.reconciling.dots import Dot, Event, Replica, covers
from simulacra.actors.data.reconciling.records import (
    ID_LENGTH,
    LINEAGE_LIMIT,
    ROOT_ID,
    Cell,
    Location,
    Record,
    Version,
)

_KINDS: Final = {str(kind): kind for kind in Kind}
_DIGEST_LENGTH: Final = 32
_HOST_LIMIT: Final = 63
_MODE_LIMIT: Final = 0o10000
_NUMBER_LIMIT: Final = 2**63
_TARGET_LIMIT: Final = 4096

T = TypeVar("T")
Xattrs = tuple[tuple[bytes, bytes], ...]


class RecordError(ValueError):
    """What came is not a record; the text says why."""


def to_plain(record: Record) -> list[Any]:
    """A record as lists, numbers, texts and bytes; equal for equal records."""
    location, mode, mtime, xattrs = record.location, record.mode, record.mtime, record.xattrs
    return [
        record.id,
        [_event_plain(location.event), list(location.value)],
        [_event_plain(mode.event), mode.value],
        [_event_plain(mtime.event), mtime.value],
        [_event_plain(xattrs.event), _xattrs_plain(xattrs.value)],
        [_version_plain(version) for version in record.versions],
        [_dot_plain(dot) for dot in sorted(record.alive)],
        [[*replica, n] for replica, n in sorted(record.context.items())],
    ]


def from_plain(data: Any) -> Record:
    """The record that `to_plain` took apart.

    Raises:
        RecordError: it is none.
    """
    try:
        which, (first, at), mode, mtime, xattrs, versions, alive, context = data
        event = _event(first)

        def cell(data: Any, read: Callable[[Any], T]) -> Cell[T]:
            # One object for one event: see `Record.sole`.
            return Cell(event if data[0] == first else _event(data[0]), read(data[1]))

        record = Record(
            _id(which),
            Cell(event, _location(at)),
            cell(mode, _mode),
            cell(mtime, _time),
            cell(xattrs, _xattrs),
            _versions(versions, first, event),
            frozenset([_dot(each) for each in alive]),
            dict(map(_dot, context)),
        )
        _check(record)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise RecordError(f"not a record of a tree: {error}") from None
    return record


def _check(record: Record) -> None:
    """Refuse what no writing can have led to."""
    sole = record.sole
    if sole is not None:
        dots = [sole.dot]
    else:
        cells = (record.location, record.mode, record.mtime, record.xattrs)
        dots = [cell.event.dot for cell in cells] + [each.dot for each in record.versions]
    for dot in (*dots, *record.alive):
        if not covers(record.context, dot):
            raise ValueError("it has a dot that its context does not cover")
    if len(record.versions) > 1 and len({each.dot for each in record.versions}) < len(
        record.versions
    ):
        raise ValueError("two of its versions have one dot")
    if record.id == ROOT_ID:
        raise ValueError("it has the id of the root")


# -- taking apart


def _dot_plain(dot: Dot) -> list[Any]:
    return [*dot.replica, dot.n]


def _event_plain(event: Event) -> list[Any]:
    stamp, (replica, n) = event
    return [*stamp, *replica, n]


def _xattrs_plain(xattrs: Xattrs) -> list[list[bytes]]:
    return [list(each) for each in xattrs]


def _version_plain(version: Version) -> list[Any]:
    content, attributes = version.content, version.attributes
    return [
        _event_plain(version.event),
        [str(content.kind), content.size, content.digest, content.target],
        [attributes.mode, attributes.mtime_ns, _xattrs_plain(attributes.xattrs)],
        list(version.lineage),
    ]


# -- putting together


def _number(value: Any, low: int = 0, high: int = _NUMBER_LIMIT) -> int:
    if type(value) is not int or not low <= value < high:
        raise ValueError(f"{value!r} is no whole number from {low} and below {high}")
    return value


def _bytes(value: Any, length: int | None = None, limit: int | None = None) -> bytes:
    if type(value) is not bytes:
        raise ValueError(f"{value!r} is not bytes")
    if (length is not None and len(value) != length) or (limit is not None and len(value) > limit):
        raise ValueError(f"{len(value)} bytes are not as many as there should be")
    return value


def _id(value: Any) -> bytes:
    return _bytes(value, ID_LENGTH)


def _dot(data: Any) -> Dot:
    return _dot_of(*data)


# What belongs to one writing comes together: the cells of a new record all have the same event.
@lru_cache(maxsize=64, typed=True)
def _dot_of(host: Any, incarnation: Any, n: Any) -> Dot:
    if type(host) is not str or not 0 < len(host) <= _HOST_LIMIT or not host.isprintable():
        raise ValueError(f"{host!r} is no host's name")
    if "/" in host:
        raise ValueError(f"{host!r} is no host's name")
    return Dot(Replica(host, _number(incarnation, 1)), _number(n, 1))


def _event(data: Any) -> Event:
    return _event_of(*data)


@lru_cache(maxsize=64, typed=True)
def _event_of(ms: Any, tick: Any, *dot: Any) -> Event:
    return Event(Stamp(_number(ms), _number(tick)), _dot_of(*dot))


def _location(data: Any) -> Location:
    folder, name, before = data
    _bytes(name, limit=NAME_LIMIT)
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name or is_aside_name(name):
        raise ValueError(f"{name!r} is no name in a folder")
    return Location(_id(folder), name, _id(before))


def _mode(value: Any) -> int:
    return _number(value, high=_MODE_LIMIT)


def _time(value: Any) -> int:
    return _number(value, low=-_NUMBER_LIMIT)


def _xattrs(data: Any) -> Xattrs:
    if type(data) in {list, tuple} and not data:
        return ()
    return tuple(sorted((_bytes(key), _bytes(value)) for key, value in data))


def _versions(data: Any, first: Any, event: Event) -> tuple[Version, ...]:
    """Versions, sorted; what was said first is this event."""
    found = [_version(each, event if each[0] == first else _event(each[0])) for each in data]
    return tuple(sorted(found, key=lambda each: each.event))


def _version(data: Any, event: Event) -> Version:
    _, (kind, size, digest, target), (mode, mtime, xattrs), lineage = data
    if len(lineage) > LINEAGE_LIMIT:
        raise ValueError(f"a version comes of {len(lineage)} others, {LINEAGE_LIMIT} are kept")
    return Version(
        event,
        _content(kind, size, digest, target),
        Attributes(_mode(mode), _time(mtime), _xattrs(xattrs)),
        tuple([_bytes(each, _DIGEST_LENGTH) for each in lineage]),
    )


def _content(kind: Any, size: Any, digest: Any, target: Any) -> Content:
    what = _KINDS[kind] if kind in _KINDS else Kind(kind)
    if what is Kind.FOLDER:
        if (size, digest, target) != (0, b"", b""):
            raise ValueError("a folder has no content of its own")
        return FOLDER
    _bytes(target, limit=_TARGET_LIMIT)
    if (what is Kind.LINK) != bool(target):
        raise ValueError("links have a text, and only they")
    return Content(what, _number(size), _bytes(digest, _DIGEST_LENGTH), target)
