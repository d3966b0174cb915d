from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.content.descriptors import copy, extents, read_at, read_into, write_at


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
