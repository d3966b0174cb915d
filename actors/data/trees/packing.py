"""Records and rows as bytes: for the disk, and for the way between hosts."""

from __future__ import annotations

from typing import Any

import msgpack

from simulacra.actors.data.entries import Attributes, Content, Entry, Fingerprint, Kind
from simulacra.actors.data.reconciling.dots import Context, Dot, Replica
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.record_plain import RecordError, from_plain, to_plain
from simulacra.actors.data.reconciling.records import Record

Heard = tuple[Record, bytes]
"""A record that another host told, and the bytes that it came as."""


def pack_record(record: Record) -> bytes:
    """A record as bytes."""
    return bytes(msgpack.packb(to_plain(record)))


def unpack_record(data: bytes) -> Record:
    """The record that `pack_record` packed.

    Raises:
        RecordError: it is none.
    """
    try:
        plain = msgpack.unpackb(data)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise RecordError(f"not a record: {error}") from None
    return from_plain(plain)


def pack_context(context: Context) -> list[tuple[str, int, int]]:
    """A context as plain data."""
    return [(*replica, n) for replica, n in sorted(context.items())]


def unpack_context(plain: Any) -> dict[Replica, int]:
    """The context that `pack_context` took apart.

    Raises:
        RecordError: it is none.
    """
    try:
        context = {Replica(host, incarnation): n for host, incarnation, n in plain}
    except (TypeError, ValueError) as error:
        raise RecordError(f"not a context: {error}") from None
    for (host, incarnation), n in context.items():
        if not (type(host) is str and type(incarnation) is int and type(n) is int):
            raise RecordError("not a context: its numbers are none")
    return context


def pack_row(row: Row) -> bytes:
    """A row of the base as bytes."""
    content, attributes = row.entry.content, row.entry.attributes
    plain = (
        row.id,
        (content.kind.value, content.size, content.digest, content.target),
        (attributes.mode, attributes.mtime_ns, attributes.xattrs),
        [_dot(each) for each in sorted(row.dots)],
        [_dot(each) for each in sorted(row.alive)],
        None if row.copy is None else _dot(row.copy),
        row.fingerprint,
    )
    return bytes(msgpack.packb(plain))


def unpack_row(data: bytes) -> Row:
    """The row that `pack_row` packed; this host wrote it."""
    plain = msgpack.unpackb(data, use_list=False)
    which, (kind, *content), attributes, dots, alive, copy, found = plain
    return Row(
        which,
        Entry(Content(Kind(kind), *content), Attributes(*attributes)),
        frozenset(map(_to_dot, dots)),
        frozenset(map(_to_dot, alive)),
        None if copy is None else _to_dot(copy),
        None if found is None else Fingerprint(*found),
    )


def unpack_fingerprint(data: bytes) -> Fingerprint | None:
    """The fingerprint alone of the row that `pack_row` packed, in far less time than all of it."""
    found = msgpack.unpackb(data, use_list=False)[-1]
    return None if found is None else Fingerprint(*found)


def _dot(dot: Dot) -> tuple[str, int, int]:
    return (*dot.replica, dot.n)


def _to_dot(plain: tuple[str, int, int]) -> Dot:
    host, incarnation, n = plain
    return Dot(Replica(host, incarnation), n)
