"""A private file is the old one or the new one, and for nobody else's eyes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulacra.actors.private_files import replace_private


@pytest.mark.parametrize("content", ["new", b"new"])
def test_it_takes_the_place_of_what_was_there(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "folder" / "file"
    replace_private(file, "old")
    replace_private(file, content)
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["file"]


def test_what_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    replace_private(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_private(file, "new")
    assert file.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
