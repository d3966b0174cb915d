"""Chunks that come land in their places, whatever the order, and what is wrong does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.content.landing import LONGEST, Landing
from simulacra.actors.data.content.manifest import Chunk, hash_of

SIZE = 40_000
BYTES = blake3(b"landing").digest(SIZE)


def chunks_of(lengths: list[int], *, gaps: frozenset[int] = frozenset()) -> list[Chunk]:
    """Chunks one after the other, without those with some numbers."""
    found: list[Chunk] = []
    at = 0
    for number, length in enumerate(lengths):
        if number not in gaps:
            found.append(Chunk(hash_of(BYTES[at : at + length]), at, length))
        at += length
    return found


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        yield opened
    finally:
        os.close(opened)


@given(
    lengths=st.lists(st.integers(1, 900), min_size=1, max_size=40),
    gaps=st.frozensets(st.integers(0, 39)),
    data=st.data(),
)
def test_what_comes_in_any_order_is_written_where_it_belongs(
    tmp_path_factory: pytest.TempPathFactory,
    lengths: list[int],
    gaps: frozenset[int],
    data: st.DataObject,
) -> None:
    chunks = chunks_of(lengths, gaps=gaps)
    told: list[int] = []
    with (tmp_path_factory.getbasetemp() / "landed").open("w+b") as file:
        file.truncate(SIZE)
        coming = Landing(file.fileno(), chunks, told.append, 1000)
        wanted = coming.wanted()
        assert coming.missing == chunks
        assert all(length <= 1000 for _, length in wanted)
        for offset, length in data.draw(st.permutations(wanted)):
            coming.take(offset, memoryview(BYTES)[offset : offset + length])
        landed = file.read()
    assert (coming.missing, coming.wanted()) == ([], [])
    assert sum(told) == sum(chunk.length for chunk in chunks)
    expected = bytearray(SIZE)
    for _, offset, length in chunks:
        expected[offset : offset + length] = BYTES[offset : offset + length]
    assert landed == expected


def test_few_pieces_are_asked_for(descriptor: int) -> None:
    chunks = [Chunk(bytes(32), at * 65_000, 65_000) for at in range(100)]
    wanted = Landing(descriptor, chunks, lambda _: None).wanted()
    assert len(wanted) == 7
    assert max(length for _, length in wanted) <= LONGEST
    large = Chunk(bytes(32), 0, 3 * LONGEST)
    assert Landing(descriptor, [large], lambda _: None).wanted() == [(0, 3 * LONGEST)]


@pytest.mark.parametrize("wrong", [0, 150, 299])
def test_a_piece_with_anything_wrong_in_it_stays_missing(descriptor: int, wrong: int) -> None:
    chunks = chunks_of([100, 100, 100])
    coming = Landing(descriptor, chunks, lambda _: pytest.fail("nothing was written"))
    data = bytearray(BYTES[:300])
    data[wrong] ^= 1
    coming.take(0, memoryview(data))
    coming.take(0, memoryview(BYTES)[:299])
    assert coming.missing == chunks
    assert os.fstat(descriptor).st_size == 0
