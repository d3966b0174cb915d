"""Many chunks in one file, each in a record that says what it is.

A record is a header (magic, how it is packed, the chunk's length, the record's own, the hash) and
the chunk, as it is or by zstd where that takes an eighth off. Records follow one another; whoever
knows where one is can read it, and where nobody knows, `scan` finds them: it believes only what has
the hash it claims, and looks for the next magic where it finds anything else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

import zstandard

from simulacra.actors.data.content.manifest import HASH_BYTES, LARGEST_CHUNK, hash_of

_MAGIC: Final = b"\xc5SC1"
_HEADER: Final = struct.Struct(f"<4sB3xII{HASH_BYTES}s")
_PLAIN: Final = 0
_ZSTD: Final = 1

_PAYS: Final = 7 / 8
_LEVEL: Final = 1
"""zstd's: a higher one takes long and saves little."""


class DamagedError(Exception):
    """A record is not what was written."""


class Found(NamedTuple):
    """A record in a pack: whose it is, where, and how many bytes it takes."""

    hash: bytes
    position: int
    size: int


def pack(chunk_hash: bytes, data: bytes, *, squeeze: bool) -> bytes:
    """The record of a chunk.

    Args:
        chunk_hash: its name.
        data: its bytes, up to `LARGEST_CHUNK`.
        squeeze: try whether compressing it pays.
    """
    how, body = _PLAIN, data
    if squeeze:
        squeezed = zstandard.ZstdCompressor(level=_LEVEL).compress(data)
        if len(squeezed) <= len(data) * _PAYS:
            how, body = _ZSTD, squeezed
    return _HEADER.pack(_MAGIC, how, len(data), _HEADER.size + len(body), chunk_hash) + body


def unpack(record: bytes, chunk_hash: bytes) -> bytes:
    """The chunk in a record.

    Raises:
        DamagedError: it is not that chunk's record, or no whole one.
    """
    how, length, size, named = _read_header(record, 0)
    if named != chunk_hash or size != len(record):
        raise DamagedError("another record is here, or none")
    data = record[_HEADER.size :] if how == _PLAIN else _expand(record[_HEADER.size :], length)
    if len(data) != length or hash_of(data) != chunk_hash:
        raise DamagedError("its bytes have another hash")
    return data


def scan(content: bytes) -> Iterator[Found]:
    """The records in a part of a pack that are whole, with their positions in that part."""
    at = content.find(_MAGIC)
    while at >= 0:
        try:
            _, _, size, chunk_hash = _read_header(content, at)
            unpack(content[at : at + size], chunk_hash)
        except DamagedError:
            at = content.find(_MAGIC, at + 1)
            continue
        yield Found(chunk_hash, at, size)
        at = content.find(_MAGIC, at + size)


def _read_header(content: bytes, at: int) -> tuple[int, int, int, bytes]:
    if len(content) - at < _HEADER.size:
        raise DamagedError("it is cut off")
    magic, how, length, size, chunk_hash = _HEADER.unpack_from(content, at)
    if magic != _MAGIC or how > _ZSTD or length > LARGEST_CHUNK:
        raise DamagedError("no record begins here")
    if not _HEADER.size <= size <= _HEADER.size + length:
        raise DamagedError("no record has this size")
    return how, length, size, chunk_hash


def _expand(body: bytes, length: int) -> bytes:
    try:
        # A frame that claims more would be given the room that it claims.
        if zstandard.frame_content_size(body) != length:
            raise DamagedError("it expands to another length")
        return zstandard.ZstdDecompressor().decompress(body)
    except zstandard.ZstdError as error:
        raise DamagedError(f"it cannot be expanded: {error}") from None
