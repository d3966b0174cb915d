"""A repository that was not touched has an equal stamp, and one that was another."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from simulacra.actors.data.git.stamps import stamp
from tests.actors.data.git.clones import Clone, new_clone
from tests.support import eventually

CHANGES: dict[str, Callable[[Clone], object]] = {
    "commit": lambda clone: clone.git("commit", "-q", "--allow-empty", "-m", "x"),
    "commit elsewhere": lambda clone: clone.git("update-ref", "refs/heads/deep/er/x", "HEAD"),
    "branch": lambda clone: clone.git("branch", "other"),
    "packed": lambda clone: clone.git("pack-refs", "--all", "--prune"),
    "deleted": lambda clone: clone.git("branch", "-D", "deep/er/x"),
    "switch": lambda clone: clone.git("symbolic-ref", "HEAD", "refs/heads/new"),
    "stage": lambda clone: clone.git("add", "file"),
    "stash": lambda clone: clone.git("stash", "push", "-q"),
    "stash dropped": lambda clone: clone.git("stash", "drop", "-q", "stash@{1}"),
    "setting": lambda clone: clone.git("config", "user.name", "Bea"),
    "bisect": lambda clone: clone.git("bisect", "start"),
}
LATER = 2 * 10**18
"""Long after anything in these tests."""


def wait_a_tick(clone: Clone) -> None:
    """Wait until a file made now has another time than all that is there."""

    def passed() -> bool:
        clone.write("../tick", "")
        return (clone.root / "tick").stat().st_mtime_ns > latest

    folder = clone.place / ".git"
    latest = max(path.lstat().st_mtime_ns for path in [folder, *folder.rglob("*")])
    eventually(passed)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = new_clone("desk", tmp_path)
    made.commit()
    made.git("branch", "deep/er/x")
    for text in ("one", "two"):
        made.write("file", text)
        made.git("stash", "push", "-q")
    made.write("file", "three")
    return made


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_another_stamp(clone: Clone, change: str) -> None:
    folder = clone.place / ".git"
    before = stamp(folder, LATER)
    wait_a_tick(clone)
    clone.git("status")
    clone.git("log", "-1")
    CHANGES[change](clone)
    assert stamp(folder, LATER) != before


def test_looking_is_none(clone: Clone) -> None:
    folder = clone.place / ".git"
    clone.git("status")
    before = stamp(folder, LATER)
    wait_a_tick(clone)
    clone.git("log", "-1")
    clone.git("for-each-ref")
    assert stamp(folder, LATER) == before


def test_what_was_changed_just_now_is_not_settled(clone: Clone) -> None:
    folder = clone.place / ".git"
    os.utime(folder / "HEAD", ns=(0, LATER))
    ticks = 10_000_000
    assert not stamp(folder, LATER + ticks).settled
    assert stamp(folder, LATER + 10 * ticks).settled
