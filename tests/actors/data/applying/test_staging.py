from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

import pytest

from simulacra.actors.data.applying import syscalls
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.entries import Attributes, Kind
from tests.actors.data.applying.applied import PLAIN, Scene, scene


@pytest.fixture
def on(tmp_path: FilePath) -> Iterator[Scene]:
    with scene(tmp_path / "scene") as made:
        yield made
        assert made.temporaries() == []


class Synced:
    """Records what is synced, in order with what is put in place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.failing = 0
        for module, name in ((os, "fsync"), (syscalls, "sync_file_system"), (os, "sync")):
            monkeypatch.setattr(module, name, lambda *_, name=name: self.note(name))
        rename = syscalls.rename_new

        def recorded(*given: Any) -> None:
            self.done.append("rename")
            rename(*given)

        monkeypatch.setattr(syscalls, "rename_new", recorded)

    def note(self, what: str) -> None:
        self.done.append(what)
        if self.failing:
            self.failing -= 1
            raise OSError(errno.EIO, "Input/output error")

    def took(self) -> list[str]:
        done, self.done = self.done, []
        return done


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Synced:
    return Synced(monkeypatch)


def test_content_is_on_the_disk_before_its_name_and_that_before_sync_returns(
    on: Scene, synced: Synced
) -> None:
    on.put("f", b"x")
    assert synced.took() == ["fsync", "rename"]
    on.applier.sync()
    assert synced.took() == ["fsync"]  # the folder
    on.applier.sync()
    assert synced.took() == []


def test_a_batch_is_synced_as_one(on: Scene, synced: Synced) -> None:
    staged = [on.stage(str(number), b"x") for number in range(100)]
    for each in staged:
        on.applier.put(each, None)
    on.applier.sync()
    assert synced.took() == ["sync_file_system", *["rename"] * 100, "fsync"]


def test_attributes_and_links_are_synced_with_all(on: Scene, synced: Synced) -> None:
    on.applier.put(on.applier.stage_link(b"l", b"x", PLAIN), None)
    assert synced.took() == ["sync_file_system", "rename"]
    status = on.write("f", b"")
    on.applier.sync()
    synced.took()
    before = Attributes((on.tree / "f").stat().st_mode & 0o7777, status.mtime_ns)
    on.applier.set_attributes(b"f", status, Kind.FILE, before, PLAIN)
    on.applier.sync()
    assert synced.took() == ["sync_file_system"]


def test_what_was_staged_before_a_failed_sync_is_never_used(on: Scene, synced: Synced) -> None:
    """The next sync may go well, though the content is gone."""
    first, second = on.stage("f", b"x"), on.stage("g", b"x")
    synced.failing = 1
    for staged in (first, second):
        with pytest.raises(RefusedError) as refused:
            on.applier.put(staged, None)
        assert refused.value.reason is Reason.FAILED
    assert on.texts(on.tree) == []
    on.put("f", b"x")


def test_a_sync_that_fails_is_told(on: Scene, synced: Synced) -> None:
    on.put("f", b"x")
    synced.failing = 1
    with pytest.raises(RefusedError, match="Input/output error"):
        on.applier.sync()
    synced.took()
    on.applier.sync()
    assert synced.took() == ["fsync"]  # it is tried again


def test_where_there_is_no_syncfs_all_disks_are_synced(
    on: Scene, synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(syscalls, "sync_file_system", none)
    on.applier.put(on.applier.stage_link(b"l", b"x", PLAIN), None)
    assert synced.took() == ["sync", "rename"]


def test_a_file_from_elsewhere_is_taken_as_it_is_and_gets_its_attributes(
    on: Scene, tmp_path: FilePath
) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(b"content")
    inode = whole.stat().st_ino
    staged = on.applier.adopt_file(b"f", str(whole), Attributes(0o640, 10**18), 7)
    assert staged is not None
    on.applier.put(staged, None)
    status = (on.tree / "f").stat()
    assert (status.st_ino, status.st_mode & 0o7777, status.st_mtime_ns) == (inode, 0o640, 10**18)
    assert not whole.exists()


def test_a_file_from_elsewhere_of_another_size_is_refused_and_leaves_nothing(
    on: Scene, tmp_path: FilePath
) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(b"content")
    with pytest.raises(RefusedError) as refused:
        on.applier.adopt_file(b"f", str(whole), PLAIN, 8)
    assert refused.value.reason is Reason.FAILED
    assert list(on.tree.iterdir()) == []


def test_a_file_on_another_file_system_stays_where_it_is(
    on: Scene, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    whole = tmp_path / "whole"
    whole.write_bytes(b"content")
    monkeypatch.setattr(os, "rename", rename)
    assert on.applier.adopt_file(b"f", str(whole), PLAIN, 7) is None
    assert whole.read_bytes() == b"content"
