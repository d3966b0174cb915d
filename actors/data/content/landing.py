"""Chunks of a file that land in their places as they come from another host.

Those that lie together come as pieces of up to `LONGEST` bytes, or fewer where the line is to be
spared. A piece is verified where it was
received, while it is at hand, and only then written: so the file has nothing in it that is wrong,
and is not read again. A piece with a wrong chunk is not written, and stays missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from simulacra.actors.data.content.descriptors import write_at
from simulacra.actors.data.content.manifest import Chunk, hash_of

LONGEST: Final = 1 << 20

Range = tuple[int, int]
"""An offset and a length."""


class Landing:
    """See the module.

    Args:
        descriptor: the file, open for writing.
        chunks: what is to come, by offset.
        progress: told of bytes that were written; by one thread at a time.
        longest: bytes of a piece of several chunks.
    """

    def __init__(
        self,
        descriptor: int,
        chunks: Iterable[Chunk],
        progress: Callable[[int], object],
        longest: int = LONGEST,
    ) -> None:
        self._descriptor = descriptor
        self._progress = progress
        self._lock = threading.Lock()
        self._pieces = {piece[0].offset: piece for piece in _pieces(chunks, longest)}

    @property
    def missing(self) -> list[Chunk]:
        """The chunks that did not come yet, by offset."""
        return [chunk for at in sorted(self._pieces) for chunk in self._pieces[at]]

    def wanted(self) -> list[Range]:
        """The pieces that did not come yet, by offset."""
        return [(at, _length(self._pieces[at])) for at in sorted(self._pieces)]

    def take(self, offset: int, data: memoryview) -> None:
        """A piece has come; from any thread, for each piece from one at a time.

        Raises:
            OSError: it cannot be written.
        """
        if not all(
            hash_of(data[chunk.offset - offset :][: chunk.length]) == chunk.hash
            for chunk in self._pieces[offset]
        ):
            return
        write_at(self._descriptor, [data], offset)
        with self._lock:
            del self._pieces[offset]
            self._progress(len(data))


def _pieces(chunks: Iterable[Chunk], longest: int) -> Iterator[list[Chunk]]:
    """Chunks that lie together, up to so many bytes of them, or a single one."""
    piece: list[Chunk] = []
    for chunk in chunks:
        end = piece[-1].offset + piece[-1].length if piece else 0
        if piece and (chunk.offset != end or end + chunk.length - piece[0].offset > longest):
            yield piece
            piece = []
        piece.append(chunk)
    if piece:
        yield piece


def _length(piece: list[Chunk]) -> int:
    return piece[-1].offset + piece[-1].length - piece[0].offset
