from __future__ import annotations

import os
from pathlib import Path as FilePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.applying import sparse

MIB = 1 << 20


def written(path: FilePath) -> tuple[bytes, int]:
    """What is in a file, and how many bytes it takes on the disk."""
    return path.read_bytes(), path.stat().st_blocks * 512


@given(st.lists(st.binary(max_size=50) | st.integers(0, 200_000).map(bytes), max_size=6))
def test_what_is_written_is_what_is_read(pieces: list[bytes]) -> None:
    descriptor = os.memfd_create("sparse")
    try:
        sparse.write_sparse(descriptor, pieces)
        assert os.pread(descriptor, 2 * MIB, 0) == b"".join(pieces)
    finally:
        os.close(descriptor)


def test_zeros_take_no_room(tmp_path: FilePath) -> None:
    path = tmp_path / "f"
    with path.open("wb") as file:
        sparse.write_sparse(file.fileno(), [b"x", bytes(8 * MIB), b"y"])
    content, room = written(path)
    assert content == b"x" + bytes(8 * MIB) + b"y"
    assert room < MIB


@pytest.mark.parametrize("by_kernel", [True, False])
def test_holes_are_copied_as_holes(
    tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch, by_kernel: bool
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
        sparse.copy_sparse(here.fileno(), there.fileno())
    content, room = written(target)
    assert content == source.read_bytes()
    assert room < MIB
