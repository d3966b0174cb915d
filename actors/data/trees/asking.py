"""What another host's copy of a tree is asked for: the bytes of files, by their hashes."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from simulacra.actors.data.content.landing import Range
from simulacra.actors.data.entries import Content

MOST: Final = 2000
"""Small files, or parts of large ones, that are asked for at a time."""

Take = Callable[[int, memoryview], None]


class MissingError(Exception):
    """The bytes of a content cannot be had now; the text says why."""


class Piece(NamedTuple):
    """Bytes of some content.

    Attributes:
        digest: of the content.
        offset: where they begin in it.
        length: how many they are.
    """

    digest: bytes
    offset: int
    length: int


class Parcel(NamedTuple):
    """Bytes of some pieces, one after the other in a file in memory.

    Attributes:
        descriptor: the file.
        lengths: of each piece; below 0 for those that are not there.
    """

    descriptor: int
    lengths: Sequence[int]

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)

    def places(self) -> Iterator[tuple[int, int] | None]:
        """The offset and the length of each piece; None for those that are not there."""
        at, end = 0, os.fstat(self.descriptor).st_size
        for length in self.lengths:
            if length < 0 or at + length > end:
                yield None
                continue
            yield at, length
            at += length


class Remote(Protocol):
    """Another host that may have what is wanted."""

    host: str

    def manifests(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """The manifests of large files; None for those that it has not got.

        Raises:
            MissingError: it does not answer.
        """

    def parcels(self, pieces: Sequence[Piece]) -> Iterator[Parcel]:
        """The bytes of each, in one or more parcels, which who asked closes.

        Raises:
            MissingError: it does not answer.
        """

    def fetch(self, content: Content, ranges: Sequence[Range], take: Take) -> None:
        """Have parts of a large content taken as they come, in any order.

        Args:
            content: which.
            ranges: the parts, `LONGEST` bytes at most each.
            take: given the offset of a part and its bytes, until it returns; by any thread.

        Raises:
            MissingError: it does not answer, or has it not; some may have been taken.
            OSError: ``take`` raised it.
        """


def views(parcels: Iterable[Parcel]) -> Iterator[memoryview | None]:
    """The bytes of each piece of some parcels, which are closed; a view lasts until the next."""
    for parcel in parcels:
        try:
            yield from _views(parcel)
        finally:
            parcel.close()


def _views(parcel: Parcel) -> Iterator[memoryview | None]:
    size = os.fstat(parcel.descriptor).st_size
    if not size:
        yield from (None if place is None else memoryview(b"") for place in parcel.places())
        return
    with mmap.mmap(parcel.descriptor, size) as memory, memoryview(memory) as whole:
        for place in parcel.places():
            if place is None:
                yield None
                continue
            at, length = place
            with whole[at : at + length] as view:
                yield view
