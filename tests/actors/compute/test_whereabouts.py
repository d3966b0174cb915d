from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulacra.actors.compute.whereabouts import current_directory


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
