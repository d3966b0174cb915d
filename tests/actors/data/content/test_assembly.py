from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from simulacra.actors.data.content.assembly import FileSource, assemble, unwritten
from simulacra.actors.data.content.chunking import BLOCK, digest_file
from simulacra.actors.data.content.manifest import Chunk, Manifest
from tests.actors.data.content.test_chunking import noise

CONTENT = noise(900_000) + bytes(30 * BLOCK) + noise(500_000, 1) + bytes(9 * BLOCK)


class Holding:
    """A source with what it was given."""

    def __init__(self, content: bytes, chunks: Sequence[Chunk]) -> None:
        self.asked: list[bytes] = []
        self._data = {
            chunk.hash: content[chunk.offset : chunk.offset + chunk.length] for chunk in chunks
        }

    def get(self, chunk_hash: bytes) -> bytes | None:
        self.asked.append(chunk_hash)
        return self._data.get(chunk_hash)


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


def test_a_file_is_put_together_with_its_holes(old: int, new: int, manifest: Manifest) -> None:
    assert assemble(manifest, [FileSource(old, manifest.chunks)], new) == []
    assert content_of(new) == CONTENT
    assert os.fstat(new).st_blocks * 512 < len(CONTENT) - 20 * BLOCK
    assert digest_file(new) == manifest


@pytest.mark.parametrize("content", [b"", b"small"])
def test_a_small_file_is_put_together(new: int, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "small").write_bytes(content)
    with (tmp_path / "small").open("rb") as file:
        small = digest_file(file.fileno())
    assert assemble(small, [Holding(content, small.chunks)], new) == []
    assert content_of(new) == content


def test_sources_are_asked_in_turn_and_the_rest_is_told(new: int, manifest: Manifest) -> None:
    chunks = manifest.chunks
    first, second = Holding(CONTENT, chunks[:10]), Holding(CONTENT, chunks[5:20])
    assert assemble(manifest, [first, second], new) == list(chunks[20:])
    assert second.asked == [chunk.hash for chunk in chunks[10:]]
    assert unwritten(manifest, new) == list(chunks[20:])
    rest = unwritten(manifest, new)
    assert assemble(manifest, [Holding(CONTENT, chunks)], new, rest) == []
    assert content_of(new) == CONTENT
    assert unwritten(manifest, new) == []


def test_a_file_that_changed_gives_only_what_it_still_has(
    old: int, new: int, manifest: Manifest
) -> None:
    third = manifest.chunks[3]
    os.pwrite(old, b"changed", third.offset)
    os.ftruncate(old, manifest.chunks[-1].offset + 5)
    missing = assemble(manifest, [FileSource(old, manifest.chunks)], new)
    assert missing == [third, manifest.chunks[-1]]


def test_what_a_file_had_before_does_not_stay(new: int, manifest: Manifest) -> None:
    os.pwrite(new, b"z" * 10, len(CONTENT) + 100)
    assert assemble(manifest, [Holding(CONTENT, manifest.chunks)], new) == []
    assert content_of(new) == CONTENT


def test_a_source_that_gives_another_length_is_passed_over(new: int, manifest: Manifest) -> None:
    wrong = Holding(b"x", manifest.chunks)
    assert assemble(manifest, [wrong, Holding(CONTENT, manifest.chunks)], new) == []
    assert content_of(new) == CONTENT
