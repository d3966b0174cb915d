"""Comparing what two replicas hold, without telling it all.

A *vector* says where each origin's log is. Two replicas compare hashes of their vectors, in buckets
by origin; they tell the vectors of those buckets that differ, and of the logs that differ the parts
that the other lacks, in messages of a bounded size.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Origin, origin_from_plain
from simulacra.actors.cluster.origins import Mark, Part

BUCKETS: Final = 64
_HASH_BYTES: Final = 8
_MASK: Final = 2**63 - 1

Vector = Mapping[Origin, Mark]
Digest = tuple[int, ...]
"""A hash for each bucket."""


def bucket(origin: Origin) -> int:
    """Where an origin is counted; the same on all hosts."""
    return zlib.crc32(repr(tuple(origin)).encode()) % BUCKETS


def digest(vector: Vector) -> Digest:
    """The hashes of a vector."""
    hashes = [0] * BUCKETS
    for origin, mark in vector.items():
        content = repr((*origin, *mark)).encode()
        value = hashlib.blake2b(content, digest_size=_HASH_BYTES).digest()
        hashes[bucket(origin)] ^= int.from_bytes(value) & _MASK
    return tuple(hashes)


def differing(mine: Digest, others: Iterable[int]) -> frozenset[int]:
    """The buckets in which two digests differ."""
    theirs = tuple(others)
    if len(theirs) != BUCKETS:
        return frozenset(range(BUCKETS))
    return frozenset(at for at in range(BUCKETS) if mine[at] != theirs[at])


def within(vector: Vector, buckets: Iterable[int]) -> Vector:
    """A vector's part in some buckets."""
    wanted = frozenset(buckets)
    return {origin: mark for origin, mark in vector.items() if bucket(origin) in wanted}


def to_plain(vector: Vector) -> list[Any]:
    """A vector as plain data."""
    return [[*origin, *mark] for origin, mark in vector.items()]


def from_plain(data: Any) -> Vector:
    """The vector that `to_plain` took apart.

    Raises:
        FactError: it is none.
    """
    try:
        return {origin_from_plain(each[:3]): _mark(*each[3:]) for each in data}
    except (TypeError, LookupError) as error:
        raise FactError(f"not a vector: {error}") from None


def _mark(n: Any, check: Any) -> Mark:
    if type(n) is not int or type(check) is not int:
        raise FactError("not a vector: its numbers are damaged")
    return Mark(n, check)


def batches(parts: Iterable[Part], limit: int) -> Iterator[list[Part]]:
    """Parts in batches of about so many bytes; one that is larger goes alone."""
    batch: list[Part] = []
    size = 0
    for part in parts:
        if batch and size + part.size > limit:
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += part.size
    if batch:
        yield batch
