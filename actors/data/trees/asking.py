"""What another host's copy of a tree is asked for: the bytes of files, by their hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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


class Remote(Protocol):
    """Another host that may have what is wanted."""

    host: str

    def manifests(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """The manifests of large files; None for those that it has not got.

        Raises:
            MissingError: it does not answer.
        """

    def pieces(self, pieces: Sequence[Piece]) -> Iterator[memoryview | None]:
        """The bytes of each; None for those that it has not got. A view lasts until the next.

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
