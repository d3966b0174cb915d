"""How a run of bytes is cut by FastCDC; what an earlier cut found is not looked for again.

Where a chunk ends follows from its bytes alone, but near the end of a run, which ends its last one.
So an earlier chunk at the same offset, with the same hash, is what a cut would find there: if it
ended by a cut, and the run goes on for as long as any chunk may be; or if it ends where the run
does. From where that is not so it is cut, until a cut falls on the beginning of an earlier chunk.
The chunks are the same as if nothing had been known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pyfastcdc import FastCDC

from simulacra.actors.data.content.manifest import SPREAD, Chunk, Manifest, hash_of

Earlier = Mapping[int, Chunk]
"""The chunks of an earlier cut with the same average, by their offsets."""

NOTHING: Final[Earlier] = {}


def earlier(manifest: Manifest | None, average: int) -> Earlier:
    """What is known from a manifest of a file as it was."""
    if manifest is None or manifest.average != average:
        return NOTHING
    return {chunk.offset: chunk for chunk in manifest.chunks}


def cut_run(data: memoryview, start: int, average: int, known: Earlier) -> Iterator[Chunk]:
    """The chunks of a run.

    Args:
        data: its bytes.
        start: where they are in the file.
        average: see `manifest.average_for`.
        known: of an earlier cut.
    """
    at, last = start, start + len(data)
    while at < last:
        rest = data[at - start :]
        same = _known(rest, at, average, known)
        for chunk in _cut(rest, at, average) if same is None else [same]:
            yield chunk
            at += chunk.length
            if at in known:
                break


def _known(rest: memoryview, at: int, average: int, known: Earlier) -> Chunk | None:
    """The earlier chunk that a cut would find at an offset, if it is sure that it would."""
    chunk = known.get(at)
    if chunk is None:
        return None
    left = len(rest) - chunk.length
    ended_by_cut = left >= average * SPREAD and at + chunk.length in known
    if not (ended_by_cut or left == 0):
        return None
    return chunk if hash_of(rest[: chunk.length]) == chunk.hash else None


def _cut(data: memoryview, at: int, average: int) -> Iterator[Chunk]:
    cutter = FastCDC(
        average, min_size=average // SPREAD, max_size=average * SPREAD, normalized_chunking=1
    )
    for piece in cutter.cut_buf(data):
        yield Chunk(hash_of(piece.data), at + piece.offset, piece.length)
