"""Putting things in the place of others, by what a disk has for that."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from simulacra.actors.data.applying import displacing, syscalls
from simulacra.actors.data.applying.gripping import Grip, grip
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.entries import Fingerprint


class Folder:
    """A folder, by its descriptor, and what was kept of what was in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self.kept: dict[bytes, bytes] = {}

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def keep(self, _folder: int, temporary: bytes, path: bytes) -> None:
        self.kept[path] = (self.path / os.fsdecode(temporary)).read_bytes()

    def grip(self, name: bytes) -> Grip:
        status = os.stat(name, dir_fd=self.descriptor)
        is_folder = (self.path / os.fsdecode(name)).is_dir()
        found = Fingerprint.of(status)
        return grip(self.descriptor, name, found, name, is_folder=is_folder)

    def move(self, name: bytes, new: bytes) -> None:
        with self.grip(name) as held:
            at = self.descriptor
            displacing.move(at, name, at, new, held, name, self.keep)

    def place(self, name: bytes, new: bytes) -> None:
        displacing.place(self.descriptor, name, self.descriptor, new)

    def shown(self) -> dict[str, str | None]:
        found = sorted(self.path.iterdir())
        return {each.name: None if each.is_dir() else each.read_text() for each in found}


def refuse(number: int) -> Any:
    def refusing(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refusing


@pytest.fixture(params=["renames", "links", "neither"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Folder]:
    """On a disk with renames that replace nothing, with hard links only, and with neither."""
    folder = Folder(tmp_path)
    if request.param != "renames":
        monkeypatch.setattr(syscalls, "rename_new", refuse(errno.EINVAL))
        monkeypatch.setattr(syscalls, "exchange", refuse(errno.EINVAL))
    if request.param == "neither":
        monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    yield folder
    os.close(folder.descriptor)


def test_a_name_that_is_free_is_given_and_one_that_is_taken_is_not(folder: Folder) -> None:
    folder.write("new", "new")
    folder.place(b"new", b"free")
    assert folder.shown() == {"free": "new"}
    folder.write("taken", "somebody's")
    with pytest.raises(FileExistsError):
        folder.place(b"free", b"taken")
    assert folder.shown() == {"free": "new", "taken": "somebody's"}


def test_a_folder_is_given_a_name(folder: Folder) -> None:
    (folder.path / "new").mkdir()
    folder.write("new/in it", "x")
    folder.place(b"new", b"free")
    assert folder.shown() == {"free": None}
    assert (folder.path / "free" / "in it").read_text() == "x"


def test_what_is_replaced_is_kept(folder: Folder) -> None:
    folder.write("x", "old")
    folder.write("swap", "new")
    with folder.grip(b"x") as held:
        displacing.replace(folder.descriptor, b"swap", b"x", held, b"aside", folder.keep, b"x")
    assert folder.shown() == {"x": "new"}
    assert folder.kept == {b"x": b"old"}


def test_what_was_edited_meanwhile_is_not_replaced(folder: Folder) -> None:
    folder.write("x", "old")
    folder.write("swap", "new")
    with folder.grip(b"x") as held:
        (folder.path / "x").unlink()
        folder.write("x", "an editor's, which saves by renaming")
        with pytest.raises(RefusedError):
            displacing.replace(folder.descriptor, b"swap", b"x", held, b"aside", folder.keep, b"x")
    assert folder.shown()["x"] == "an editor's, which saves by renaming"
    assert folder.kept == {}


def test_what_cannot_be_kept_is_not_replaced(folder: Folder) -> None:
    folder.write("x", "old")
    folder.write("swap", "new")
    keep = refuse(errno.ENOSPC)
    with folder.grip(b"x") as held, pytest.raises(OSError, match="No space left"):
        displacing.replace(folder.descriptor, b"swap", b"x", held, b"aside", keep, b"x")
    assert folder.shown()["x"] == "old"


def test_something_is_moved_to_a_free_name_alone(folder: Folder) -> None:
    folder.write("x", "x")
    folder.move(b"x", b"y")
    folder.write("z", "somebody's")
    with pytest.raises(FileExistsError):
        folder.move(b"y", b"z")
    assert folder.shown() == {"y": "x", "z": "somebody's"}


def test_where_both_cases_of_a_name_are_there_neither_replaces_the_other(folder: Folder) -> None:
    folder.write("name", "small")
    folder.write("NAME", "capital")
    with pytest.raises(FileExistsError):
        folder.move(b"name", b"NAME")
    assert folder.shown() == {"name": "small", "NAME": "capital"}
    assert folder.kept == {}


def test_another_link_of_a_file_is_a_file_of_its_own(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    try:
        folder.write("name", "text")
        (tmp_path / "NAME").hardlink_to(tmp_path / "name")
        with pytest.raises(FileExistsError):
            folder.move(b"name", b"NAME")
        assert folder.shown() == {"name": "text", "NAME": "text"}
    finally:
        os.close(folder.descriptor)


def test_a_name_of_another_case_is_given_where_the_disk_says_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ext4 does in a folder with `chattr +F`: both names are one file's."""
    rename = syscalls.rename_new

    def folding(folder: int, name: bytes, new_folder: int, new_name: bytes) -> None:
        listed = {each.lower() for each in os.listdir(folder)}
        if os.fsdecode(new_name).lower() in listed:
            refuse(errno.EEXIST)()
        rename(folder, name, new_folder, new_name)

    monkeypatch.setattr(syscalls, "rename_new", folding)
    folder = Folder(tmp_path)
    try:
        folder.write("name", "text")
        folder.move(b"name", b"NAME")
        assert folder.shown() == {"NAME": "text"}
        (tmp_path / "dir").mkdir()
        folder.move(b"dir", b"Dir")
        assert folder.shown() == {"Dir": None, "NAME": "text"}
    finally:
        os.close(folder.descriptor)
