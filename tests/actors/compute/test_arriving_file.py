"""A file that comes is on the disk in the end, and most of it before."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from simulacra.actors.compute.arriving_file import FLUSH_EVERY, ArrivingFile
from tests.support import DEADLINE, eventually


def test_it_has_what_was_written_and_nothing_of_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"older and longer")
    with ArrivingFile(tmp_path / "file") as file:
        os.pwrite(file.fileno(), b"new", 0)
        file.came(3)
        file.finish()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_it_is_written_to_the_disk_while_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = threading.Semaphore(0)
    monkeypatch.setattr(os, "fdatasync", lambda _: flushed.release())
    with ArrivingFile(tmp_path / "file") as file:
        for size in (FLUSH_EVERY, 2 * FLUSH_EVERY + 5):
            file.came(size)
            assert flushed.acquire(timeout=60)
            file.came(size + FLUSH_EVERY - 1)
        file.finish()
    assert not flushed.acquire(blocking=False)


def test_what_the_disk_refuses_is_an_error_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []

    def refuse(_: int) -> None:
        refused.append(1)
        raise OSError("the disk is broken")

    monkeypatch.setattr(os, "fdatasync", refuse)
    monkeypatch.setattr(os, "fsync", refuse)
    with ArrivingFile(tmp_path / "file") as file:
        file.came(FLUSH_EVERY)
        eventually(lambda: len(refused) == 1)
        with pytest.raises(OSError, match="broken"):
            file.finish()


def test_it_is_closed_where_what_comes_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, close = list[int](), os.close

    def note(descriptor: int) -> None:
        closed.append(descriptor)
        close(descriptor)

    monkeypatch.setattr(os, "close", note)
    file = ArrivingFile(tmp_path / "file")
    with pytest.raises(ValueError, match="breaks off"), file:
        raise ValueError("it breaks off")
    assert file.fileno() in closed


class LateEvent(threading.Event):
    """Is cleared when it was set once more after it was to be cleared."""

    def __init__(self) -> None:
        super().__init__()
        self.clearing, self.again = threading.Event(), threading.Event()

    def set(self) -> None:
        super().set()
        if self.clearing.is_set():
            self.again.set()

    def clear(self) -> None:
        self.clearing.set()
        self.again.wait(DEADLINE)
        super().clear()


def test_it_ends_also_where_that_is_wanted_as_it_begins_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, wanted = ArrivingFile(tmp_path / "file"), LateEvent()
    monkeypatch.setattr(file, "_wanted", wanted)
    file.__enter__()
    file.came(FLUSH_EVERY)
    assert wanted.clearing.wait(DEADLINE)
    ending = threading.Thread(target=file.__exit__, daemon=True)
    ending.start()
    ending.join(DEADLINE)
    assert not ending.is_alive()
