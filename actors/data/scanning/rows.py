"""A row of the index: what was observed at a path, and the bytes that stand for it there.

Damage that SQLite does not notice is found by a checksum when an entry is read.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from typing import Final

import msgpack

from simulacra.actors.data.entries import Attributes, Content, Entry, Fingerprint, Kind

_FINGERPRINT: Final = struct.Struct(">QQqqq")
_INODE: Final = struct.Struct(">QQ")
_CHECKSUM: Final = struct.Struct(">I")


UNKNOWN: Final = Fingerprint(0, 0, 0, 0, 0)
"""Of what was never looked at here, or a folder that could not be entered. None equals it, so all
of it is looked at next."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was observed at a path.

    Attributes:
        fingerprint: of the moment it was read.
        entry: what was read.
        settled: whether an equal fingerprint means an equal entry. It does not while the file was
            changed so shortly before it was read that a later change may bear the same time.
    """

    fingerprint: Fingerprint
    entry: Entry
    settled: bool = True

    @property
    def is_folder(self) -> bool:
        """Whether a folder was there."""
        return self.entry.content.kind is Kind.FOLDER


def packed(status: os.stat_result) -> bytes:
    """The fingerprint of a `stat`, as `Index.fingerprints` has it."""
    try:
        return _FINGERPRINT.pack(
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
    except struct.error:  # a time that does not fit
        return _pack(Fingerprint.of(status))


def packed_inode(device: int, inode: int) -> bytes:
    """How every fingerprint of an inode begins, packed."""
    return _INODE.pack(device, inode)


def _pack(fingerprint: Fingerprint) -> bytes:
    return _FINGERPRINT.pack(
        fingerprint.device,
        fingerprint.inode,
        fingerprint.size,
        fingerprint.mtime_ns,
        fingerprint.ctime_ns,
    )


def to_values(row: Row) -> tuple[bytes, bool, bytes]:
    """A row as SQLite has it: fingerprint, settled, entry."""
    content, attributes = row.entry.content, row.entry.attributes
    fingerprint = _pack(row.fingerprint)
    body = msgpack.packb(
        (
            content.kind,
            content.size,
            content.digest,
            content.target,
            attributes.mode,
            attributes.mtime_ns,
            attributes.xattrs,
        )
    )
    return fingerprint, row.settled, _CHECKSUM.pack(zlib.crc32(body, 1)) + body


def from_values(fingerprint: bytes, settled: int, entry: bytes) -> Row:
    """A row as it was put. Raises ValueError where it is not."""
    body = entry[_CHECKSUM.size :]
    if entry[: _CHECKSUM.size] != _CHECKSUM.pack(zlib.crc32(body, 1)):
        raise ValueError("an entry is not what was written")
    if len(fingerprint) != _FINGERPRINT.size:
        raise ValueError("a fingerprint is not what was written")
    kind, size, digest, target, mode, mtime, xattrs = msgpack.unpackb(body, use_list=False)
    content = Content(Kind(kind), size, digest, target)
    row = Entry(content, Attributes(mode, mtime, xattrs))
    return Row(Fingerprint(*_FINGERPRINT.unpack(fingerprint)), row, bool(settled))
