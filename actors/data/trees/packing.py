"""Records and rows as bytes, for the disk and for the wire: msgpack of plain tuples.

What comes from elsewhere is checked as it is unpacked: it has the right shape, or is refused whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgpack

from simulacra.actors.cluster.clock import Stamp
from simulacra.actors.data.entries import Attributes, Content, Entry, Fingerprint, Kind
from simulacra.actors.data.reconciling.dots import Context, Dot, Event, Replica
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.records import (
    ID_LENGTH,
    Cell,
    FileId,
    Location,
    Record,
    Version,
)

_DIGEST: Final = (0, 32)
_NAME_LIMIT: Final = 255
_TARGET_LIMIT: Final = 4096
_LARGEST: Final = 2**63 - 1


class PackingError(Exception):
    """These bytes are no record."""


# -- records


def pack_record(record: Record) -> bytes:
    """A record as bytes."""
    location = record.location.value
    plain = (
        record.id,
        (_event(record.location.event), location.folder, location.name, location.before),
        (_event(record.mode.event), record.mode.value),
        (_event(record.mtime.event), record.mtime.value),
        (_event(record.xattrs.event), record.xattrs.value),
        [_version(each) for each in record.versions],
        [_dot(each) for each in sorted(record.alive)],
        pack_context(record.context),
    )
    return bytes(msgpack.packb(plain))


def unpack_record(data: bytes) -> Record:
    """The record that `pack_record` packed.

    Raises:
        PackingError: it is none.
    """
    try:
        return _record(*msgpack.unpackb(data, use_list=False))
    except (ValueError, TypeError, LookupError, msgpack.exceptions.UnpackException) as error:
        raise PackingError(f"not a record: {error}") from None


def _record(
    id: Any,  # noqa: A002
    location: Any,
    mode: Any,
    mtime: Any,
    xattrs: Any,
    versions: Any,
    alive: Any,
    context: Any,
) -> Record:
    at, folder, name, before = location
    return Record(
        _id(id),
        Cell(_to_event(at), Location(_id(folder), _name(name), _id(before))),
        Cell(_to_event(mode[0]), _number(mode[1])),
        Cell(_to_event(mtime[0]), _signed(mtime[1])),
        Cell(_to_event(xattrs[0]), _xattrs(xattrs[1])),
        tuple(_to_version(*each) for each in versions),
        frozenset(_to_dot(each) for each in alive),
        unpack_context(context),
    )


def pack_context(context: Context) -> list[tuple[str, int, int]]:
    """A context as plain data."""
    return [(*replica, n) for replica, n in sorted(context.items())]


def unpack_context(plain: Iterable[Any]) -> dict[Replica, int]:
    """The context that `pack_context` took apart.

    Raises:
        ValueError, TypeError: it is none.
    """
    return {_replica(host, incarnation): _number(n) for host, incarnation, n in plain}


def _version(version: Version) -> tuple[Any, ...]:
    content, attributes = _content(version.content), _attributes(version.attributes)
    return _event(version.event), content, attributes, version.lineage


def _to_version(event: Any, content: Any, attributes: Any, lineage: Any) -> Version:
    digests = tuple(_bytes(each, 32, 32) for each in lineage)
    return Version(_to_event(event), _to_content(*content), _to_attributes(*attributes), digests)


def _event(event: Event) -> tuple[Any, ...]:
    return (*event.stamp, *_dot(event.dot))


def _to_event(plain: Any) -> Event:
    ms, tick, *dot = plain
    return Event(Stamp(_number(ms), _number(tick)), _to_dot(dot))


def _dot(dot: Dot) -> tuple[str, int, int]:
    return (*dot.replica, dot.n)


def _to_dot(plain: Any) -> Dot:
    host, incarnation, n = plain
    return Dot(_replica(host, incarnation), _number(n))


# -- rows


def pack_row(row: Row) -> bytes:
    """A row of the base as bytes."""
    print_ = row.fingerprint
    plain = (
        row.id,
        _content(row.entry.content),
        _attributes(row.entry.attributes),
        [_dot(each) for each in sorted(row.dots)],
        [_dot(each) for each in sorted(row.alive)],
        None if row.copy is None else _dot(row.copy),
        None
        if print_ is None
        else (print_.device, print_.inode, print_.size, print_.mtime_ns, print_.ctime_ns),
    )
    return bytes(msgpack.packb(plain))


def unpack_row(data: bytes) -> Row:
    """The row that `pack_row` packed; this host wrote it."""
    id, content, attributes, dots, alive, copy, found = msgpack.unpackb(  # noqa: A001
        data, use_list=False
    )
    return Row(
        id,
        Entry(_to_content(*content), _to_attributes(*attributes)),
        frozenset(map(_to_dot, dots)),
        frozenset(map(_to_dot, alive)),
        None if copy is None else _to_dot(copy),
        None if found is None else Fingerprint(*found),
    )


# -- parts


def _content(content: Content) -> tuple[str, int, bytes, bytes]:
    return content.kind.value, content.size, content.digest, content.target


def _to_content(kind: Any, size: Any, digest: Any, target: Any) -> Content:
    length = 0 if Kind(kind) is Kind.FOLDER else 32
    return Content(
        Kind(kind), _number(size), _bytes(digest, length, length), _bytes(target, 0, _TARGET_LIMIT)
    )


def _attributes(attributes: Attributes) -> tuple[Any, ...]:
    return attributes.mode, attributes.mtime_ns, attributes.xattrs


def _to_attributes(mode: Any, mtime: Any, xattrs: Any) -> Attributes:
    return Attributes(_number(mode), _signed(mtime), _xattrs(xattrs))


def _xattrs(plain: Any) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((_bytes(name, 1, _NAME_LIMIT), _bytes(value, 0, 1 << 16)) for name, value in plain)


def _id(value: Any) -> FileId:
    return _bytes(value, ID_LENGTH, ID_LENGTH)


def _name(value: Any) -> bytes:
    name = _bytes(value, 1, _NAME_LIMIT)
    if b"/" in name or b"\0" in name or name in (b".", b".."):
        raise ValueError(f"{name!r} is no name")
    return name


def _bytes(value: Any, least: int, most: int) -> bytes:
    if not isinstance(value, bytes) or not least <= len(value) <= most:
        raise ValueError(f"{value!r:.40} is not {least} to {most} bytes")
    return value


def _replica(host: Any, incarnation: Any) -> Replica:
    if not isinstance(host, str) or not host:
        raise ValueError(f"{host!r:.40} is no host")
    return Replica(host, _number(incarnation))


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError(f"{value!r:.40} is no number")
    return value


def _signed(value: Any) -> int:
    if type(value) is not int or not -_LARGEST <= value <= _LARGEST:
        raise ValueError(f"{value!r:.40} is no number")
    return value
