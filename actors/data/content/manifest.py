"""What a file's bytes are made of: its chunks, by their hashes, in order.

A file of up to `WHOLE` bytes is one chunk, and its digest is the BLAKE3 hash of its bytes, which is
that chunk's hash too: size and digest are enough to know its manifest (`Manifest.whole`). A larger
file has a manifest that is encoded and sent; its digest is the hash of that, in a domain of its
own, so that no file's bytes can pass for another's manifest. What no chunk covers is zeros.

The manifest, and so the digest, follows from the bytes alone: not from how they are stored (a hole
is as good as zeros), nor from what the file was before. See `chunking` for how it is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple, Self

import msgpack
from blake3 import blake3

from simulacra.actors.data.entries import Content, Kind

WHOLE: Final = 256 * 1024
"""A file of up to so many bytes is one chunk."""

HASH_BYTES: Final = 32

SMALLEST_AVERAGE: Final = 16 * 1024
LARGEST_AVERAGE: Final = 1024 * 1024
SPREAD: Final = 4
"""A chunk has at most so many times the average, and, but for ends, at least that part of it."""

LARGEST_CHUNK: Final = LARGEST_AVERAGE * SPREAD

_MOST_CHUNKS: Final = 2**18
_VERSION: Final = 1
_DOMAIN: Final = "simulacra manifest of a file, version 1"


class ManifestError(ValueError):
    """These bytes are no manifest, or not the one that was asked for."""


class Chunk(NamedTuple):
    """Some bytes of a file.

    Attributes:
        hash: their BLAKE3 hash, 32 bytes.
        offset: where they are in the file.
        length: how many they are.
    """

    hash: bytes
    offset: int
    length: int


def hash_of(data: bytes | memoryview) -> bytes:
    """The name of a chunk with these bytes."""
    return blake3(data).digest()


def average_for(size: int) -> int:
    """Which average the chunks of a file of so many bytes are cut with.

    16 KiB up to 4 GiB; above, four times as much for each four times the size, up to 1 MiB, so that
    a manifest stays small.
    """
    average = SMALLEST_AVERAGE
    while size // average > _MOST_CHUNKS and average < LARGEST_AVERAGE:
        average *= 4
    return average


@dataclass(frozen=True)
class Manifest:
    """See the module.

    Attributes:
        size: bytes of the file, zeros that no chunk covers included.
        average: what the chunks were cut with, see `average_for`; 0 for a file in one chunk.
        chunks: by offset; they do not overlap.
    """

    size: int
    average: int
    chunks: tuple[Chunk, ...]

    @classmethod
    def whole(cls, size: int, digest: bytes) -> Self:
        """The manifest of a file of up to `WHOLE` bytes.

        Raises:
            ManifestError: the file is larger, or the digest is none.
        """
        if not 0 <= size <= WHOLE or len(digest) != HASH_BYTES:
            raise ManifestError(f"a file of {size} bytes is not one chunk")
        return cls(size, 0, (Chunk(digest, 0, size),))

    @classmethod
    def decode(cls, data: bytes, digest: bytes) -> Self:
        """Read what `encode` wrote for a file with this digest.

        Raises:
            ManifestError: it is anything else.
        """
        if _digest_of(data) != digest:
            raise ManifestError("it is not the manifest that was asked for, or it is damaged")
        manifest = cls._read(data)
        if manifest.encode() != data:
            raise ManifestError("it is not written as manifests are")
        vars(manifest)["digest"] = digest  # as was just looked at
        return manifest

    def encode(self) -> bytes:
        """The bytes of the manifest of a file of more than `WHOLE` bytes.

        A list: version, average, the lengths in order, those of zeros negative, and the hashes of
        the others after one another.
        """
        return msgpack.packb(  # type: ignore[no-any-return]
            [
                _VERSION,
                self.average,
                list(self._lengths()),
                b"".join([chunk.hash for chunk in self.chunks]),
            ]
        )

    @cached_property
    def digest(self) -> bytes:
        """The name of the file's bytes, 32 bytes."""
        return _digest_of(self.encode()) if self.size > WHOLE else self.chunks[0].hash

    @property
    def content(self) -> Content:
        """What the records of a tree say of the file."""
        return Content(Kind.FILE, self.size, self.digest)

    def _lengths(self) -> Iterator[int]:
        at = 0
        for _, offset, length in self.chunks:
            if offset > at:
                yield at - offset
            yield length
            at = offset + length
        if self.size > at:
            yield at - self.size

    @classmethod
    def _read(cls, data: bytes) -> Self:
        try:
            plain: Any = msgpack.unpackb(data)
        except (ValueError, msgpack.UnpackException) as error:
            raise ManifestError(f"it cannot be read: {error}") from None
        match plain:
            case [int(version), *_] if version != _VERSION:
                raise ManifestError(f"its version is {version}, and {_VERSION} is known here")
            case [int(), int(average), list(lengths), bytes(hashes)]:
                return cls._put_together(average, lengths, hashes)
        raise ManifestError("it is not built as manifests are")

    @classmethod
    def _put_together(cls, average: int, lengths: Sequence[Any], hashes: bytes) -> Self:
        if not SMALLEST_AVERAGE <= average <= LARGEST_AVERAGE:
            raise ManifestError(f"chunks of {average} bytes are not cut")
        chunks: list[Chunk] = []
        at = 0
        for length in lengths:
            if type(length) is not int or not length or length > average * SPREAD:
                raise ManifestError(f"no chunk has {length!r} bytes")
            if length > 0:
                start = len(chunks) * HASH_BYTES
                chunks.append(Chunk(hashes[start : start + HASH_BYTES], at, length))
            at += abs(length)
        if len(hashes) != len(chunks) * HASH_BYTES:
            raise ManifestError("it has not one hash for each chunk")
        if at <= WHOLE:
            raise ManifestError(f"a file of {at} bytes is one chunk")
        return cls(at, average, tuple(chunks))


def _digest_of(encoded: bytes) -> bytes:
    return blake3(encoded, derive_key_context=_DOMAIN).digest()
