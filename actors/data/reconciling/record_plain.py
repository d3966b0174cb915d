"""Records as plain data, for the store and for the way between hosts; what comes in is checked.

A record is [id, location, mode, mtime, xattrs, versions, alive, context], with what renamings saw
as a ninth where there are some; a cell is [event, value], an event [ms, tick, host, incarnation,
n], a dot the last three of these.
"""

from __future__ import annotations

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
        *([[_version_plain(version) for version in record.renamed]] if record.renamed else []),
    ]


def from_plain(data: Any) -> Record:
    """The record that `to_plain` took apart.

    Raises:
        RecordError: it is none.
    """
    try:
        which, (first, at), (chmod, mode), (touch, mtime), (setfattr, xattrs), *rest = data
        versions, alive, context, *renamed = rest
        event = _event(*first)
        # One object for one event: see `Record.sole`. That of nearly all wrote all there is.
        dot, last = event.dot, first[2:]
        record = Record(
            _bytes(which, ID_LENGTH),
            Cell(event, _location(*at)),
            Cell(event if chmod == first else _event(*chmod), _mode(mode)),
            Cell(event if touch == first else _event(*touch), _time(mtime)),
            Cell(event if setfattr == first else _event(*setfattr), _xattrs(xattrs)),
            _versions(versions, first, event),
            frozenset([dot if each == last else _dot(*each) for each in alive]),
            dict([dot if each == last else _dot(*each) for each in context]),
            *[_versions(each, first, event) for each in renamed],
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
    for versions in (record.versions, record.renamed):
        if len(versions) > 1 and len({each.dot for each in versions}) < len(versions):
            raise ValueError("two of its versions have one dot")
    if any(each.dot not in record.alive for each in record.renamed):
        raise ValueError("it has what a renaming saw that does not keep it alive")
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


def _dot(host: Any, incarnation: Any, n: Any) -> Dot:
    return Dot(_replica(host, incarnation), _number(n, 1))


@lru_cache(maxsize=64, typed=True)
def _replica(host: Any, incarnation: Any) -> Replica:
    if type(host) is not str or not 0 < len(host) <= _HOST_LIMIT or not host.isprintable():
        raise ValueError(f"{host!r} is no host's name")
    if "/" in host:
        raise ValueError(f"{host!r} is no host's name")
    return Replica(host, _number(incarnation, 1))


def _event(ms: Any, tick: Any, host: Any, incarnation: Any, n: Any) -> Event:
    return Event(Stamp(_number(ms), _number(tick)), _dot(host, incarnation, n))


def _location(folder: Any, name: Any, before: Any) -> Location:
    _bytes(name, limit=NAME_LIMIT)
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name or is_aside_name(name):
        raise ValueError(f"{name!r} is no name in a folder")
    return Location(_bytes(folder, ID_LENGTH), name, _bytes(before, ID_LENGTH))


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
    found = [_version(each, event if each[0] == first else _event(*each[0])) for each in data]
    if len(found) == 1:
        return (found[0],)
    return tuple(sorted(found, key=lambda each: each.event))


def _version(data: Any, event: Event) -> Version:
    _, (kind, size, digest, target), (mode, mtime, xattrs), lineage = data
    if len(lineage) > LINEAGE_LIMIT:
        raise ValueError(f"a version comes of {len(lineage)} others, {LINEAGE_LIMIT} are kept")
    return Version(
        event,
        _content(kind, size, digest, target),
        Attributes(_mode(mode), _time(mtime), _xattrs(xattrs)),
        tuple([_bytes(each, _DIGEST_LENGTH) for each in lineage]) if lineage else (),
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
