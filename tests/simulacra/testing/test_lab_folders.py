from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from simulacra.testing.lab import folders
from simulacra.testing.lab.plan import LabError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the labs' folders are; it is not there yet."""
    root = tmp_path / "labs"
    monkeypatch.setattr(folders, "ROOT", root)
    return root


@pytest.mark.parametrize(
    ("is_mount", "room", "flags", "serves"),
    [
        (True, 4 << 30, 0, True),
        (False, 4 << 30, 0, False),
        (True, 64 << 20, 0, False),
        (True, 4 << 30, os.ST_NOEXEC | os.ST_NOSUID, False),
    ],
)
def test_homes_are_where_there_is_room_and_programs_run(
    monkeypatch: pytest.MonkeyPatch, is_mount: bool, room: int, flags: int, serves: bool
) -> None:
    found = SimpleNamespace(f_blocks=room // 4096, f_frsize=4096, f_flag=flags)
    monkeypatch.setattr(os.path, "ismount", lambda _: is_mount)
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    assert folders._serves("/run") is serves


def test_what_a_dead_lab_left_is_removed(root: Path) -> None:
    folder, lock = folders.make("a")
    (folder / "disks").mkdir()
    assert root.stat().st_mode & 0o777 == 0o700
    assert (folders.running(), folders.find("a")) == (["a"], folder)
    os.close(lock)
    assert (folders.running(), folder.exists()) == ([], False)


def test_a_link_in_its_place_is_refused(root: Path, tmp_path: Path) -> None:
    root.symlink_to(tmp_path)
    with pytest.raises(LabError, match="not a directory of yours") as refused:
        folders.make("a")
    assert "ls -ld" in refused.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(root: Path) -> None:
    root.mkdir()
    os.chown(root, 12345, 12345)
    with pytest.raises(LabError, match="not a directory of yours"):
        folders.running()
