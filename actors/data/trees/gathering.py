"""A large file, gathered chunk by chunk: from files of this disk, and what is missing from others.

What older versions of it have, also kept ones, is copied by several threads. All bytes are verified
by their hashes, wherever they came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from simulacra.actors.data.content.assembly import copy_chunks
from simulacra.actors.data.content.landing import LONGEST, Landing
from simulacra.actors.data.content.manifest import Chunk, Manifest
from simulacra.actors.data.entries import Content
from simulacra.actors.data.trees.asking import MissingError, Piece, Remote, views
from simulacra.actors.data.trees.holders import Holders
from simulacra.actors.data.trees.sparing import Sparing

Progress = Callable[[int], None]

_LONG: Final = 256 << 10
"""Chunks that lie together, of so many bytes or more, are fetched right into their place."""
_THREADS: Final = 2
"""So many read, verify and write what of a large file is on this disk already."""


def copy_held(
    manifest: Manifest,
    older: Manifest | None,
    descriptor: int,
    wanted: list[Chunk],
    holders: Holders,
) -> list[Chunk]:
    """Write those of some chunks that files of this disk have; what none has is returned.

    Args:
        manifest: of the file.
        older: of another version of it, which may be here.
        descriptor: the file, open for reading and writing.
        wanted: its chunks that are not in it yet.
        holders: finds the files.
    """
    for source in holders.having(manifest.digest):
        if not (wanted := _copy(source, manifest, descriptor, wanted)):
            return wanted
    if older is not None:
        for source in holders.having(older.digest):
            wanted = _copy(source, older, descriptor, wanted)
    return wanted


def _copy(source: int, was: Manifest, descriptor: int, wanted: list[Chunk]) -> list[Chunk]:
    """Copy what a file has that was as a manifest says."""
    offsets = {chunk.hash: chunk.offset for chunk in was.chunks}

    def work(some: list[Chunk]) -> list[Chunk]:
        return copy_chunks(source, offsets, descriptor, some)

    with ThreadPoolExecutor(_THREADS, "tree-assembly") as pool:
        share = max(1, -(-len(wanted) // _THREADS))
        starts = range(0, len(wanted), share)
        missing = pool.map(work, [wanted[at : at + share] for at in starts])
        return [chunk for some in missing for chunk in some]


def fetch(
    content: Content,
    descriptor: int,
    missing: Iterable[Chunk],
    remotes: Sequence[Remote],
    sparing: Sparing,
    progress: Progress,
) -> bool:
    """Fetch chunks of a file into their places, from one host after the other; whether all came.

    Args:
        content: of the file.
        descriptor: it, open for writing.
        missing: the chunks.
        remotes: who may be asked.
        sparing: how much is asked for at a time.
        progress: told of bytes that came.

    Raises:
        OSError: the disk does not take them.
    """
    landing = Landing(descriptor, missing, progress, min(LONGEST, sparing.portion))
    for remote in remotes:
        if not landing.missing:
            break
        with suppress(MissingError):
            _fetch_from(remote, content, landing)
    return not landing.missing


def _fetch_from(remote: Remote, content: Content, landing: Landing) -> None:
    """Fetch from a host what it has: what is short in packs, the rest right into its place."""
    wanted = landing.wanted()
    short = [each for each in wanted if not _LONG <= each[1] <= LONGEST]
    pieces = [Piece(content.digest, *each) for each in short]
    for piece, data in zip(pieces, views(remote.parcels(pieces)), strict=True):
        if data is not None:
            landing.take(piece.offset, data)
    remote.fetch(content, [each for each in wanted if _LONG <= each[1] <= LONGEST], landing.take)
