from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.content.assembly import copy_chunks, unwritten
from simulacra.actors.data.content.chunking import BLOCK, digest_file
from simulacra.actors.data.content.manifest import Chunk, Manifest, hash_of
from tests.actors.data.content.test_chunking import noise

CONTENT = noise(900_000) + bytes(30 * BLOCK) + noise(500_000, 1) + bytes(9 * BLOCK)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "old", os.O_RDWR | os.O_CREAT)
    os.pwrite(descriptor, CONTENT, 0)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def new(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "new", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def manifest(old: int) -> Manifest:
    return digest_file(old)


def content_of(descriptor: int) -> bytes:
    return os.pread(descriptor, 10 * len(CONTENT), 0)


def offsets(chunks: Iterable[Chunk], moved: int = 0) -> dict[bytes, int]:
    return {chunk.hash: chunk.offset + moved for chunk in chunks}


@pytest.fixture
def sized(new: int, manifest: Manifest) -> int:
    os.ftruncate(new, manifest.size)
    return new


def test_a_file_is_put_together_with_its_holes(old: int, sized: int, manifest: Manifest) -> None:
    assert copy_chunks(old, offsets(manifest.chunks), sized, manifest.chunks) == []
    assert content_of(sized) == CONTENT
    assert os.fstat(sized).st_blocks * 512 < len(CONTENT) - 20 * BLOCK
    assert digest_file(sized) == manifest


def test_what_one_has_not_is_told_and_another_may_have(
    old: int, sized: int, manifest: Manifest
) -> None:
    chunks = manifest.chunks
    rest = copy_chunks(old, offsets(chunks[5:20]), sized, chunks)
    assert rest == [*chunks[:5], *chunks[20:]]
    assert unwritten(manifest, sized) == rest
    assert copy_chunks(old, offsets(chunks), sized, rest) == []
    assert content_of(sized) == CONTENT
    assert unwritten(manifest, sized) == []


def test_chunks_may_lie_elsewhere_and_in_another_order(
    sized: int, manifest: Manifest, tmp_path: Path
) -> None:
    elsewhere, at = {}, 7
    with (tmp_path / "other").open("w+b") as other:
        for chunk in (*manifest.chunks[20:], *manifest.chunks[:20]):
            elsewhere[chunk.hash] = at
            other.seek(at)
            other.write(CONTENT[chunk.offset : chunk.offset + chunk.length])
            at += chunk.length
        other.flush()
        assert copy_chunks(other.fileno(), elsewhere, sized, manifest.chunks) == []
    assert content_of(sized) == CONTENT


def test_a_chunk_that_is_there_twice_is_copied_from_where_it_was_found(
    tmp_path: Path, new: int
) -> None:
    content = 3 * noise(200_000)
    (tmp_path / "twice").write_bytes(content)
    with (tmp_path / "twice").open("rb") as twice:
        chunks = digest_file(twice.fileno()).chunks
        assert len(offsets(chunks)) < len(chunks)
        assert copy_chunks(twice.fileno(), offsets(chunks), new, chunks) == []
    assert content_of(new) == content


def test_a_chunk_longer_than_what_is_read_at_a_time_is_copied(tmp_path: Path, new: int) -> None:
    content = noise(3_000_000)
    (tmp_path / "long").write_bytes(content)
    chunks = [
        Chunk(hash_of(content[:1000]), 0, 1000),
        Chunk(hash_of(content[1000:]), 1000, len(content) - 1000),
    ]
    with (tmp_path / "long").open("rb") as long:
        assert copy_chunks(long.fileno(), offsets(chunks), new, chunks) == []
    assert content_of(new) == content


def test_a_file_that_changed_gives_only_what_it_still_has(
    old: int, sized: int, manifest: Manifest
) -> None:
    third, last = manifest.chunks[3], manifest.chunks[-1]
    os.pwrite(old, b"changed", third.offset)
    os.ftruncate(old, last.offset + 5)
    assert copy_chunks(old, offsets(manifest.chunks), sized, manifest.chunks) == [third, last]
    assert unwritten(manifest, sized) == [third, last]
    assert content_of(sized)[third.offset :][: third.length] == bytes(third.length)


def test_nothing_wanted_is_nothing_to_do(old: int, new: int) -> None:
    assert copy_chunks(old, {}, new, []) == []
