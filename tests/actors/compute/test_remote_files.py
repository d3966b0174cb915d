"""Bytes of files of other hosts, over real sockets."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from simulacra.actors.runtime.bulk import PIECE
from tests.actors.compute.filing import Reading


def test_bytes_of_a_file_in_pieces(reading: Reading, tmp_path: Path) -> None:
    data = os.urandom(PIECE + 100)
    (tmp_path / "file").write_bytes(data)
    first = reading.value("read", tmp_path / "file", 0, 2 * PIECE)
    assert first == data[:PIECE]
    assert reading.value("read", tmp_path / "file", PIECE, 2 * PIECE) == data[PIECE:]
    (tmp_path / "file").unlink()
    (tmp_path / "file").write_bytes(b"new")
    assert reading.value("read", tmp_path / "file", 1, 1) == data[1:2]  # as it was when begun
    assert reading.value("read", tmp_path / "file", 0, 10) == b"new"


def test_a_file_that_lay_idle_is_opened_again(reading: Reading, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    assert reading.value("read", tmp_path / "file", 0, 2) == b"da"
    reading.server._offers.expire(float("inf"))
    assert reading.value("read", tmp_path / "file", 2, 2) == b"ta"


def test_more_files_than_may_be_on_offer(reading: Reading, tmp_path: Path) -> None:
    for n in range(300):
        (tmp_path / str(n)).write_bytes(b"%d" % n)
    for n in range(300):
        assert reading.value("read", tmp_path / str(n), 0, 10) == b"%d" % n


def test_requests_of_workers_are_bounded(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading.remote, "_room", threading.BoundedSemaphore(1))
    assert reading.remote._room.acquire(blocking=False)
    answer = reading.ask("stat", "/")
    assert answer.error is not None
    assert "too many files" in answer.error[1]
    reading.remote._room.release()
    for _ in range(3):
        assert reading.value("stat", "/")["is_dir"]
