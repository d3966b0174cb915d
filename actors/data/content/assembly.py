"""A file put together from its manifest, out of whatever has its chunks.

A *source* is asked for a chunk by its hash and gives the bytes, which it has verified, or None.
`assemble` takes each chunk from the first source that has it, writes it where it belongs, and says
which it did not find. What no chunk covers is left a hole. It may be done again for what was
missing; after a crash, `unwritten` says what that is. So chunks that come from another host can
land in the file itself, and be written once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from simulacra.actors.data.content.descriptors import read_at, write_at
from simulacra.actors.data.content.manifest import Chunk, Manifest, hash_of

_WRITE: Final = 1024 * 1024
"""Bytes that are gathered before they are written."""
_READ: Final = 1024 * 1024


class Source(Protocol):
    """What has chunks."""

    def get(self, chunk_hash: bytes) -> bytes | memoryview | None:
        """The bytes with this hash, verified; None where it has not got them."""


class FileSource:
    """Chunks of a file that is there, as its manifest or `chunking.cut_file` found them.

    The file may change: what is no longer what it was is not given. Where chunks are asked for as
    they lie in it, it is read `_READ` bytes at a time.

    Args:
        descriptor: the file, open for reading.
        chunks: where they are in it.
    """

    def __init__(self, descriptor: int, chunks: Iterable[Chunk]) -> None:
        self._descriptor = descriptor
        self._chunks = {chunk.hash: chunk for chunk in chunks}
        self._start = self._next = 0
        self._room = memoryview(b"")

    def get(self, chunk_hash: bytes) -> bytes | memoryview | None:
        """See `Source`.

        Raises:
            OSError: the file cannot be read.
        """
        chunk = self._chunks.get(chunk_hash)
        if chunk is None:
            return None
        data = self._read(chunk)
        return data if hash_of(data) == chunk_hash else None

    def _read(self, chunk: Chunk) -> memoryview:
        begin, end = chunk.offset, chunk.offset + chunk.length
        if not self._start <= begin or end > self._start + len(self._room):
            length = max(_READ, chunk.length) if begin == self._next else chunk.length
            self._room = memoryview(read_at(self._descriptor, length, begin))
            self._start = begin
        self._next = end
        return self._room[begin - self._start : end - self._start]


def assemble(
    manifest: Manifest,
    sources: Sequence[Source],
    descriptor: int,
    chunks: Iterable[Chunk] | None = None,
) -> list[Chunk]:
    """Write a file's chunks where they belong, and give it its size.

    Args:
        manifest: what the file is to be.
        sources: what may have the chunks, the one to ask first at first.
        descriptor: an empty file, or one that this was done with before; open for writing.
        chunks: those of the manifest to write, by offset: what was missing before; None for all.

    Returns:
        The chunks that no source has; where there is none, the file is whole. It is not yet on the
        disk.

    Raises:
        OSError: the file cannot be written, or a source not be read.
    """
    os.ftruncate(descriptor, manifest.size)
    missing: list[Chunk] = []
    gathered: list[bytes | memoryview] = []
    start = end = 0
    for chunk in manifest.chunks if chunks is None else chunks:
        data = _ask(sources, chunk)
        if data is None:
            missing.append(chunk)
            continue
        if chunk.offset != end or end - start >= _WRITE:
            write_at(descriptor, gathered, start)
            gathered, start, end = [], chunk.offset, chunk.offset
        gathered.append(data)
        end += chunk.length
    write_at(descriptor, gathered, start)
    return missing


def unwritten(manifest: Manifest, descriptor: int) -> list[Chunk]:
    """The chunks of a manifest that are not where `assemble` would write them.

    Args:
        manifest: what the file is to be.
        descriptor: a file that `assemble` was at work on; open for reading.

    Raises:
        OSError: it cannot be read.
    """
    return [
        chunk
        for chunk in manifest.chunks
        if hash_of(read_at(descriptor, chunk.length, chunk.offset)) != chunk.hash
    ]


def _ask(sources: Sequence[Source], chunk: Chunk) -> bytes | memoryview | None:
    for source in sources:
        data = source.get(chunk.hash)
        if data is not None and len(data) == chunk.length:
            return data
    return None
