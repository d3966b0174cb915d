from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from simulacra.actors.compute import whereabouts
from simulacra.actors.compute.mounts import Mount, UnmappedError
from simulacra.actors.compute.whereabouts import current_directory, directory


def test_a_directory_of_this_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a b\\c"
    folder.mkdir()
    monkeypatch.chdir(folder)
    lying = current_directory()
    assert lying.path == str(folder)
    assert lying.mount.kind is None
    assert os.path.normpath(os.path.join(lying.mount.point, lying.below)) == str(folder)  # noqa: PTH118


def test_a_file_system_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc/self")
    lying = current_directory()
    assert (lying.mount.point, lying.mount.fstype) == ("/proc", "proc")
    assert lying.below == str(os.getpid())


def test_a_directory_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        current_directory()


def test_a_mount_that_was_taken_away_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def gone() -> str:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    with monkeypatch.context() as patched:
        patched.setattr("os.getcwd", gone)
        with pytest.raises(UnmappedError, match="was taken away"):
            current_directory()
    with monkeypatch.context() as patched:
        patched.setattr(whereabouts, "_mounts", tuple)
        with pytest.raises(UnmappedError, match="was taken away"):
            current_directory()


def test_a_directory_by_its_name_is_where_it_is_from_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert directory(str(tmp_path / "link")) == current_directory()
    for name in ("none", "file"):
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match=name):
            directory(str(tmp_path / name))


def test_a_directory_on_a_mount_of_another_host_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = Mount(9, "/", str(tmp_path), "fuse.sshfs", "nas:")
    monkeypatch.setattr(whereabouts, "_mounts", lambda: (mount,))
    assert directory(str(tmp_path / "none")) is None
