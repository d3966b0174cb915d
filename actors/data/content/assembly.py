"""A file put together from what another file of this disk has of it.

Chunks that lie together in both are read, verified and written together. What the other no longer
has, as it changed, is not written and stays missing. What no chunk covers is left a hole. After a
crash `unwritten` says what is missing. So chunks that come from another host can land in the file
itself, and be written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from simulacra.actors.data.content.descriptors import read_at, read_into, write_at
from simulacra.actors.data.content.manifest import Chunk, Manifest, hash_of

_ROOM: Final = 1024 * 1024
"""Bytes that are read at a time, but for a chunk that is longer."""

Offsets = Mapping[bytes, int]
"""Where in a file chunks are, by their hashes."""


def copy_chunks(
    source: int, offsets: Offsets, descriptor: int, wanted: Sequence[Chunk]
) -> list[Chunk]:
    """Write those chunks of a file that another one has.

    Args:
        source: the other, open for reading; it may change meanwhile.
        offsets: where it had chunks.
        descriptor: the file, open for writing.
        wanted: chunks of the file, by offset.

    Returns:
        Those that the other has not, by offset. What was written is not yet on the disk.

    Raises:
        OSError: the file cannot be written, or the other not be read.
    """
    missing = [chunk for chunk in wanted if chunk.hash not in offsets]
    room = memoryview(bytearray(max([_ROOM, *(chunk.length for chunk in wanted)])))
    for run in _runs(wanted, offsets):
        missing += _copy_run(source, offsets[run[0].hash], descriptor, run, room)
    return sorted(missing, key=lambda chunk: chunk.offset)


def _runs(wanted: Iterable[Chunk], offsets: Offsets) -> Iterator[list[Chunk]]:
    """The chunks that the other file has: those together that lie together in both."""
    run: list[Chunk] = []
    begin = end = there_end = 0
    for chunk in wanted:
        there = offsets.get(chunk.hash)
        if there is None:
            continue
        after = chunk.offset + chunk.length
        if run and (chunk.offset != end or there != there_end or after - begin > _ROOM):
            yield run
            run = []
        if not run:
            begin = chunk.offset
        run.append(chunk)
        end, there_end = after, there + chunk.length
    if run:
        yield run


def _copy_run(
    source: int, offset: int, descriptor: int, run: list[Chunk], room: memoryview
) -> list[Chunk]:
    """Write what is at an offset of the other file, as far as it is what it was; the rest of it."""
    begin, last = run[0].offset, run[-1]
    length = last.offset + last.length - begin
    data = room[: read_into(source, room[:length], offset)]
    pieces = [data[at - begin : at - begin + length] for _, at, length in run]
    changed = [
        chunk for chunk, piece in zip(run, pieces, strict=True) if hash_of(piece) != chunk.hash
    ]
    if not changed:
        write_at(descriptor, [data], begin)
        return []
    for chunk, piece in zip(run, pieces, strict=True):
        if chunk not in changed:
            write_at(descriptor, [piece], chunk.offset)
    return changed


def unwritten(manifest: Manifest, descriptor: int) -> list[Chunk]:
    """The chunks of a manifest that are not where they belong in a file.

    Args:
        manifest: what the file is to be.
        descriptor: the file, open for reading; some of its chunks were written before.

    Raises:
        OSError: it cannot be read.
    """
    return [
        chunk
        for chunk in manifest.chunks
        if hash_of(read_at(descriptor, chunk.length, chunk.offset)) != chunk.hash
    ]
