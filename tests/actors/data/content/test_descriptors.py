from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulacra.actors.data.content.descriptors import copy, extents, read_at, read_into, write_at

MIB = 1 << 20


@contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sizes(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where parts begin, and how many bytes they have."""
    return [(first, last - first) for first, last in parts]


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[int]]:
    descriptors = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in "ab"]
    yield descriptors
    for descriptor in descriptors:
        os.close(descriptor)


def test_what_the_kernel_does_in_parts_is_done_whole(
    files: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    real_pread, real_preadv, real_pwrite = os.pread, os.preadv, os.pwrite
    monkeypatch.setattr(os, "pread", lambda d, n, at: real_pread(d, min(n, 7), at))
    monkeypatch.setattr(os, "preadv", lambda d, rooms, at: real_preadv(d, [rooms[0][:7]], at))
    monkeypatch.setattr(os, "pwrite", lambda d, data, at: real_pwrite(d, data[:7], at))
    monkeypatch.setattr(os, "pwritev", lambda d, parts, at: real_pwrite(d, parts[0][:7], at))
    parts = [bytes([n % 251]) * (n % 40) for n in range(3000)]
    whole = b"".join(parts)
    assert write_at(files[0], parts, 5) == len(whole)
    assert read_at(files[0], len(whole), 5) == whole
    assert read_at(files[0], len(whole) + 9, 5) == whole
    room = bytearray(len(whole) + 9)
    assert read_into(files[0], memoryview(room), 5) == len(whole)
    assert room[: len(whole)] == whole


def test_nothing_is_written_and_read_too(files: list[int]) -> None:
    assert write_at(files[0], [], 0) == 0
    assert read_at(files[0], 10, 0) == b""
    assert list(extents(files[0], 0)) == []


def test_extents_are_where_no_hole_is(files: list[int]) -> None:
    size = 10 * 2**20
    os.ftruncate(files[0], size)
    assert list(extents(files[0], size)) == []
    os.pwrite(files[0], b"x", 2**20 + 5)
    [(first, last)] = extents(files[0], size, 2**16)
    assert (first, last) == (2**20, 2**20 + 2**16)


def test_where_the_file_system_does_not_say_all_of_it_is_data(
    files: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lseek(*_: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "lseek", lseek)
    assert list(extents(files[0], 100)) == [(0, 100)]


@pytest.mark.parametrize("by_kernel", [True, False])
def test_a_copy_has_the_same_bytes_and_holes(
    files: list[int], monkeypatch: pytest.MonkeyPatch, by_kernel: bool
) -> None:
    def refused(*_: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    if not by_kernel:
        monkeypatch.setattr(os, "copy_file_range", refused)
    size = 64 * 2**20
    os.ftruncate(files[0], size)
    os.pwrite(files[0], b"a" * 3_000_000, 2**20)
    os.pwrite(files[0], b"b", 40 * 2**20)
    copy(*files)
    assert os.fstat(files[1]).st_size == size
    assert os.fstat(files[1]).st_blocks * 512 < 5_000_000
    assert os.pread(files[1], size, 0) == os.pread(files[0], size, 0)


@pytest.mark.parametrize("size", [0, 1, 3 * 2**20])
def test_a_file_without_holes_is_one_extent(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * size)
    with opened(path) as file:
        assert sizes(extents(file, size)) == ([(0, size)] if size else [])


def test_holes_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a"
    block, size = 2**20, 20 * 2**20
    with opened(path, os.O_RDWR | os.O_CREAT) as file:
        os.ftruncate(file, size)
        assert sizes(extents(file, size)) == []
        for at in (3 * block, 9 * block):
            os.pwrite(file, b"x" * block, at)
        assert sizes(extents(file, size)) == [(3 * block, block), (9 * block, block)]
        assert sizes(extents(file, 3 * block + 10)) == [(3 * block, 10)]
        assert sizes(extents(file, 2 * block)) == []


@pytest.mark.parametrize("by_kernel", [True, False])
def test_holes_are_copied_as_holes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_kernel: bool
) -> None:
    def refused(*_: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    if not by_kernel:
        monkeypatch.setattr(os, "copy_file_range", refused)
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.write(b"start")
        file.seek(8 * MIB)
        file.write(b"middle")
        file.truncate(16 * MIB)
    with source.open("rb") as here, target.open("wb") as there:
        copy(here.fileno(), there.fileno())
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks * 512 < MIB
