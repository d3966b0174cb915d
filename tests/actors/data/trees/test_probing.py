"""What the file system of a root can do; and a tree on one that folds names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulacra.actors.data.scanning.ignoring import Choice
from simulacra.actors.data.trees import probing
from simulacra.actors.data.trees.local_tree import LocalTree
from tests.actors.data.trees.copies import Copies, contents
from tests.actors.data.trees.test_bringing import hear_all
from tests.actors.data.trees.test_local_tree import write


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_names_that_differ_in_case_are_two_here_and_nothing_is_left(tmp_path: Path) -> None:
    with opened(tmp_path) as root:
        assert not probing.folds_names(root)
        assert probing.keeps_modes(root)
    assert list(tmp_path.iterdir()) == []


def test_one_that_folds_names_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = os.stat

    def folding(name: bytes, *, dir_fd: int, follow_symlinks: bool) -> os.stat_result:
        return stat(name.lower(), dir_fd=dir_fd, follow_symlinks=follow_symlinks)

    with opened(tmp_path) as root, monkeypatch.context() as patched:
        patched.setattr(os, "stat", folding)
        assert probing.folds_names(root)
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_tried_nothing_is_supposed() -> None:
    with opened(Path("/proc/self")) as root:
        assert not probing.folds_names(root)
        assert not probing.keeps_xattrs(root)
        assert probing.keeps_modes(root)


def test_of_names_that_collide_one_is_held_back_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Copies(tmp_path, "a", "b") as copies:
        a, b = copies["a"], copies["b"]
        with monkeypatch.context() as patched:
            patched.setattr(probing, "folds_names", lambda _: True)
            b.reopen()
        write(a.root / "Readme", "one")
        write(a.root / "README", "two")
        [(path, why)] = hear_all(copies).items()
        assert "rename one of them" in why
        assert hear_all(copies) == {path: why}  # as long as it is so
        assert len(contents(b.root)) == 1
        assert os.fsencode(*contents(b.root)) != path
        (a.root / os.fsdecode(path)).rename(a.root / "other")
        assert hear_all(copies) == {}
        assert contents(b.root) == contents(a.root)


def test_what_is_larger_than_a_host_wants_does_not_come(tmp_path: Path) -> None:
    with Copies(tmp_path, "a", "b") as copies:
        b = copies["b"]
        b.close()
        b.tree = LocalTree(b.place, b.remotes, Choice((), (), largest=10))
        write(copies["a"].root / "small", "small")
        write(copies["a"].root / "large", "larger than that")
        assert hear_all(copies) == {}
        assert contents(b.root) == {"small": b"small"}
