"""A tree with a copy on a real disk that folds names, and keeps little of what Linux has."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.entries import VERSIONS
from simulacra.actors.data.trees import probing
from tests.actors.data.trees.copies import Copies, contents
from tests.actors.data.trees.test_bringing import hear_all
from tests.actors.data.trees.test_local_tree import write
from tests.actors.data.trees.test_probing import opened
from tests.disks import exfat


def shown(copies: Copies, host: str) -> dict[str, bytes | str | None]:
    """What a copy has, but for the versions it keeps."""
    found = contents(copies[host].root)
    return {path: what for path, what in found.items() if not path.startswith(".simulacra")}


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    """The copy ``b`` has its root on an exFAT, its state on the other disk."""
    (tmp_path / "b").mkdir()
    with exfat(tmp_path / "b" / "root"), Copies(tmp_path, "a", "b") as copies:
        yield copies


def test_it_is_noticed_and_nothing_is_left(copies: Copies) -> None:
    root = copies["b"].root
    with opened(root) as descriptor:
        assert probing.folds_names(descriptor)
        assert not probing.keeps_xattrs(descriptor)
        assert not probing.keeps_modes(descriptor)
    assert [each.name for each in root.iterdir()] == [os.fsdecode(VERSIONS)]


def test_edits_go_both_ways(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    write(a.root / "folder/Text", "one")
    write(a.root / "large", "x" * 3_000_000)
    (a.root / "folder/Text").chmod(0o640)
    assert hear_all(copies) == {}
    assert shown(copies, "b") == shown(copies, "a")
    write(b.root / "folder/Text", "edited")
    write(b.root / "new", "new")
    (b.root / "large").rename(b.root / "folder/renamed")
    copies.sync()
    assert shown(copies, "a") == shown(copies, "b")
    assert shown(copies, "a")["folder/Text"] == b"edited"
    assert (a.root / "folder/Text").stat().st_mode & 0o777 == 0o640
    shutil.rmtree(a.root / "folder")
    copies.sync()
    assert list(shown(copies, "b")) == ["new"]
    assert (a.root / "new").stat().st_mode & 0o777 == 0o644
    (a.root / "new").chmod(0o755)
    copies.sync()
    write(b.root / "new", "newer")
    copies.sync()
    assert (a.root / "new").read_text() == "newer"
    assert (a.root / "new").stat().st_mode & 0o777 == 0o755


def test_of_names_that_collide_one_is_held_back_and_lost_nowhere(copies: Copies) -> None:
    a = copies["a"]
    write(a.root / "Readme", "one")
    write(a.root / "README", "two")
    [(path, why)] = hear_all(copies).items()
    assert "rename one of them" in why
    assert [path.lower() for path in shown(copies, "b")] == ["readme"]
    assert shown(copies, "a") == {"Readme": b"one", "README": b"two"}
    (a.root / os.fsdecode(path)).rename(a.root / "other")
    assert hear_all(copies) == {}
    assert shown(copies, "b") == shown(copies, "a")


def test_a_name_whose_case_is_changed_on_either_side(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    write(a.root / "name", "text")
    assert hear_all(copies) == {}
    (a.root / "name").rename(a.root / "NAME")
    assert hear_all(copies) == {}
    assert shown(copies, "b") == shown(copies, "a") == {"NAME": b"text"}
    (b.root / "NAME").rename(b.root / "Name")
    copies.sync()
    assert shown(copies, "b") == shown(copies, "a") == {"Name": b"text"}


def test_a_link_cannot_be_there_and_is_not_taken_for_deleted(copies: Copies) -> None:
    a = copies["a"]
    (a.root / "link").symlink_to("anywhere")
    write(a.root / "file", "file")
    assert set(hear_all(copies)) == {b"link"}
    assert shown(copies, "b") == {"file": b"file"}
    assert shown(copies, "a") == {"file": b"file", "link": "anywhere"}
