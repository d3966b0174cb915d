from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.data.content import chunking, cutting
from simulacra.actors.data.content.chunking import BLOCK, SPAN, ChangedError, cut_file, digest_file
from simulacra.actors.data.content.manifest import (
    SMALLEST_AVERAGE,
    SPREAD,
    WHOLE,
    Chunk,
    Manifest,
    hash_of,
)
from tests.support import examples

CUTS = [
    20467,
    15971,
    25099,
    17440,
    8328,
    21925,
    25818,
    17520,
    4896,
    22782,
    5977,
    19455,
    4644,
    20014,
    27552,
    4257,
]
DIGEST = "8d14e6cb886c227a58f42497f62356159db00d18a7905db1ed29fe0a34367b77"


def noise(length: int, seed: int = 0) -> bytes:
    return blake3(b"%d" % seed).digest(length)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def digested(path: Path, content: bytes, threads: int = 2) -> Manifest:
    path.write_bytes(content)
    with opened(path) as descriptor:
        return digest_file(descriptor, threads=threads)


def put_together(manifest: Manifest, content: bytes) -> bytes:
    """What the manifest says of the content, each chunk checked."""
    result = bytearray(manifest.size)
    for chunk in manifest.chunks:
        data = content[chunk.offset : chunk.offset + chunk.length]
        assert hash_of(data) == chunk.hash
        result[chunk.offset : chunk.offset + chunk.length] = data
    return bytes(result)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.mark.parametrize("size", [0, 1, WHOLE - 1, WHOLE])
def test_a_file_up_to_the_limit_is_one_chunk(path: Path, size: int) -> None:
    content = noise(size)
    assert digested(path, content) == Manifest.whole(size, blake3(content).digest())


def test_chunks_are_cut_as_they_always_were(path: Path) -> None:
    # Another release of the library that cut otherwise would send every large file anew.
    manifest = digested(path, noise(WHOLE + 1))
    assert [chunk.length for chunk in manifest.chunks] == CUTS
    assert manifest.digest.hex() == DIGEST


def test_chunks_have_the_sizes_that_are_said(path: Path) -> None:
    content = noise(SPAN + 3_000_000)
    manifest = digested(path, content)
    assert put_together(manifest, content) == content
    lengths = [chunk.length for chunk in manifest.chunks]
    ends = {SPAN, len(content)}
    for chunk in manifest.chunks:
        assert chunk.length <= SMALLEST_AVERAGE * SPREAD
        at_an_end = chunk.offset + chunk.length in ends
        assert at_an_end or chunk.length >= SMALLEST_AVERAGE // SPREAD
    assert 16 * 1024 < sum(lengths) / len(lengths) < 32 * 1024


pieces = st.lists(
    st.tuples(st.sampled_from(["noise", "zeros", "hole"]), st.integers(1, 40), st.integers(0, 3)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=examples(25, many=100))
@given(pieces, st.integers(1, 3))
def test_the_manifest_follows_from_the_bytes_alone(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[tuple[str, int, int]],
    threads: int,
) -> None:
    folder = tmp_path_factory.mktemp("files")
    sparse, dense = folder / "sparse", folder / "dense"
    content = b""
    with opened(sparse) as descriptor:
        for kind, blocks, odd in pieces:
            length = blocks * BLOCK // 2 + odd * 4096 + (odd & 1)
            data = noise(length, blocks) if kind == "noise" else bytes(length)
            if kind != "hole":
                os.pwrite(descriptor, data, len(content))
            content += data
        os.ftruncate(descriptor, len(content))
        manifest = digest_file(descriptor, threads=threads)
    assert put_together(manifest, content) == content
    assert digested(dense, content, threads=1) == manifest


def test_large_zeros_are_in_no_chunk(path: Path) -> None:
    content = noise(BLOCK) + bytes(10 * BLOCK) + noise(BLOCK) + bytes(SPAN) + b"end"
    covered = sum(chunk.length for chunk in digested(path, content).chunks)
    assert covered <= 3 * BLOCK


def test_a_hole_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = os.preadv

    def preadv(descriptor: int, rooms: list[memoryview], offset: int) -> int:
        read.append(sum(map(len, rooms)))
        return real(descriptor, rooms, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    with opened(path) as descriptor:
        os.ftruncate(descriptor, 10 * 10**9)
        os.pwrite(descriptor, b"here", 7 * 10**9)
        manifest = digest_file(descriptor)
    assert manifest.size == 10 * 10**9
    assert len(manifest.chunks) == 1
    assert sum(read) <= BLOCK


@settings(max_examples=examples(20, many=60), deadline=None)
@given(
    st.integers(0, 2_000_000),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.integers(0, 2**32),
)
def test_an_edit_changes_few_chunks(
    tmp_path_factory: pytest.TempPathFactory, at: int, removed: int, added: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("files") / "file"
    content = noise(2_000_000)
    before = {chunk.hash for chunk in digested(path, content).chunks}
    edited = content[:at] + random.Random(seed).randbytes(added) + content[at + removed :]
    after = {chunk.hash for chunk in digested(path, edited).chunks}
    assert len(before) > 60
    assert len(after - before) <= 6


def test_chunks_of_another_average_are_found_with_that(path: Path) -> None:
    content = noise(3_000_000)
    path.write_bytes(content)
    with opened(path) as descriptor:
        coarse = list(cut_file(descriptor, len(content), 4 * SMALLEST_AVERAGE))
        assert digest_file(descriptor).chunks != tuple(coarse)
    assert put_together(Manifest(len(content), 0, tuple(coarse)), content) == content
    assert max(chunk.length for chunk in coarse) > SPREAD * SMALLEST_AVERAGE


@pytest.mark.parametrize("size", [1000, 3 * WHOLE])
@pytest.mark.parametrize("change", ["append", "truncate", "overwrite"])
def test_a_file_that_changes_while_it_is_read_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, size: int, change: str
) -> None:
    path.write_bytes(noise(size))
    os.utime(path, (0, 0))

    def hash_and_change(data: bytes) -> bytes:
        with opened(path) as other:
            if change == "append":
                os.pwrite(other, b"more", size)
            elif change == "truncate":
                os.ftruncate(other, 10)
            else:
                os.pwrite(other, b"other", 0)
        return hash_of(data)

    for module in (chunking, cutting):
        monkeypatch.setattr(module, "hash_of", hash_and_change)
    with opened(path) as descriptor, pytest.raises(ChangedError):
        digest_file(descriptor)


def test_a_file_that_changed_is_read_no_further(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = chunking._cut_span
    begun: list[object] = []

    def cut_and_change(descriptor: int, *rest: Any) -> list[Chunk]:
        begun.append(rest)
        path.touch()
        return cut(descriptor, *rest)

    monkeypatch.setattr(chunking, "_cut_span", cut_and_change)
    with opened(path) as descriptor:
        for span in range(5):
            os.pwrite(descriptor, noise(BLOCK), span * SPAN)
        os.utime(path, (0, 0))
        with pytest.raises(ChangedError):
            digest_file(descriptor, threads=1)
    assert len(begun) == 1


def test_a_file_that_is_cut_off_while_it_is_read_is_told(path: Path) -> None:
    path.write_bytes(noise(WHOLE - 1))
    with opened(path) as descriptor, pytest.raises(ChangedError, match="shorter"):
        list(cut_file(descriptor, WHOLE + 1, SMALLEST_AVERAGE))


def test_an_error_ends_the_threads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[Chunk]:
        raise OSError("no")

    monkeypatch.setattr(chunking, "_cut_span", fail)
    before = set(threading.enumerate())
    with opened(path) as descriptor:
        os.pwrite(descriptor, noise(WHOLE), 5 * SPAN)
        os.pwrite(descriptor, noise(WHOLE), 0)
        with pytest.raises(OSError, match="no"):
            digest_file(descriptor)
    assert set(threading.enumerate()) <= before


def test_what_is_no_regular_file_has_no_chunks(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(ValueError, match="regular"):
            digest_file(folder)
    finally:
        os.close(folder)
