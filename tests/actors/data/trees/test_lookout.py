"""Where a tree is looked at next, with a real watcher on a real disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn

import pytest

from simulacra.actors.data.scanning.inotify import WatchLimitError
from simulacra.actors.data.scanning.watching import Hint
from simulacra.actors.data.trees import lookout as lookout_module
from simulacra.actors.data.trees.intake import DoubtError
from simulacra.actors.data.trees.lookout import Lookout
from tests.actors.data.git.clones import Clone
from tests.actors.data.trees.copies import Copies, Copy
from tests.actors.data.trees.test_local_tree import write
from tests.support import DEADLINE


class Looking:
    """A copy, its lookout, and the hints that came."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.hints: SimpleQueue[Hint] = SimpleQueue()
        self.lookout = Lookout(self.hints.put)

    def look(self, *, sure: bool = False) -> int:
        """Look at all of it; how many edits there were."""
        return self.lookout.look_at_all(self.copy.tree, sure=sure).edits

    def hinted(self) -> None:
        self.lookout.hint(self.hints.get(timeout=DEADLINE))


@pytest.fixture
def looking(tmp_path: Path) -> Iterator[Looking]:
    with Copies(tmp_path, "desk") as copies:
        looking = Looking(copies["desk"])
        yield looking
        looking.lookout.close()


def watches() -> int:
    """How many inotify instances this process has."""
    links = (f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd"))
    return sum("inotify" in os.readlink(link) for link in links if os.path.islink(link))


def test_all_is_looked_at_first_and_then_where_hints_say(looking: Looking) -> None:
    assert looking.lookout.is_due
    assert looking.lookout.due is None
    write(looking.copy.root / "folder/one", "1")
    assert looking.look() == 2
    assert not looking.lookout.is_due
    assert looking.lookout.look_at_hints(looking.copy.tree) is None
    write(looking.copy.root / "folder/two", "2")
    looking.hinted()
    found = looking.lookout.look_at_hints(looking.copy.tree)
    assert found is not None
    assert (found[0], found[1].edits) == ({b"folder"}, 1)


def test_all_is_looked_at_again_when_hints_were_lost_or_it_is_long_ago(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking.look()
    looking.lookout.hint(Hint(frozenset(), everything=True))
    assert looking.lookout.is_due
    looking.look()
    looking.lookout.expect_anything()
    assert looking.lookout.is_due
    looking.look()
    assert not looking.lookout.is_due
    monkeypatch.setattr(lookout_module, "FULL_SCAN", 0.0)
    assert looking.lookout.is_due


def test_there_is_one_watcher_at_a_time_and_none_at_the_end(looking: Looking) -> None:
    before = watches()
    for _ in range(3):
        looking.look()
        assert watches() == before + 1
    looking.lookout.close()
    assert watches() == before


def test_a_look_that_ends_in_doubt_leaves_no_watcher_and_is_due_again(looking: Looking) -> None:
    for n in range(20):
        write(looking.copy.root / f"folder/{n}", str(n))
    looking.look()
    looking.lookout.close()
    before = watches()
    for path in (looking.copy.root / "folder").iterdir():
        path.unlink()
    looking.lookout.expect_anything()
    with pytest.raises(DoubtError):
        looking.look()
    assert watches() == before
    assert looking.lookout.is_due
    assert looking.look(sure=True) == 20


def test_where_nothing_can_be_watched_it_says_why_and_looks_all_the_same(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: object) -> NoReturn:
        raise WatchLimitError("no watches are left")

    with monkeypatch.context() as patched:
        patched.setattr(lookout_module, "Watcher", none_left)
        write(looking.copy.root / "x", "x")
        assert looking.look() == 1
    assert looking.lookout.trouble == "no watches are left"
    looking.look()
    assert looking.lookout.trouble == ""


def test_repositories_that_are_met_are_told_once(looking: Looking) -> None:
    clone = Clone("desk", looking.copy.root / "project", looking.copy.root)
    clone.place.mkdir()
    clone.git("init", "-q")
    looking.look()
    assert looking.lookout.take_met() == {b"project"}
    assert looking.lookout.take_met() == frozenset()
