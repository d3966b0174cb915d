"""Random work on clones that sync in random order: nothing is lost, and all become the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.actors.data.git.clones import Clone, two
from tests.support import examples

ALL = ("--exclude=refs/simulacra/_replaced", "--all")


class Histories:
    """Clones, and which commits their users made and dropped."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        desk, lap = two(folder)
        self.clones = [desk, lap]
        if seed % 2:
            self.clones.append(desk.copy_to("nas", folder / "nas" / "project"))
            self.clones[2].files_from(desk)
        self.made: set[str] = set()
        self.dropped: set[str] = set()
        self.count = 0

    def reachable(self, clone: Clone) -> set[str]:
        stash = clone.git("stash", "list", "--format=%H").split()
        return set(clone.git("rev-list", *ALL, "HEAD", *stash).split())

    def step(self) -> None:
        clone = self.random.choice(self.clones)
        if self.random.random() < 0.3:
            self.take(clone, self.random.choice([one for one in self.clones if one is not clone]))
            return
        before = self.reachable(clone)
        self.random.choice(ACTS)(self, clone)
        after = self.reachable(clone)
        self.made |= after
        self.dropped |= before - after

    def take(self, clone: Clone, other: Clone) -> bool:
        outcome = clone.take(other)
        assert not outcome.held, outcome.held
        clone.git("checkout-index", "-q", "-a", "-f")
        clone.git("clean", "-q", "-f", "-d")
        return bool(outcome.changed)

    def branches(self, clone: Clone) -> list[str]:
        names = clone.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split()
        return sorted(names)

    def new_name(self) -> str:
        self.count += 1
        return f"n{self.count}"

    # -- what users do

    def commit(self, clone: Clone) -> None:
        clone.commit(self.new_name())

    def amend(self, clone: Clone) -> None:
        clone.git("commit", "-q", "--amend", "-m", self.new_name())

    def branch(self, clone: Clone) -> None:
        name = self.random.choice(["a", "b", "c", "d/e"])
        clone.git("branch", "-q", name, fine=(0, 128))

    def switch(self, clone: Clone) -> None:
        clone.git("switch", "-q", self.random.choice(self.branches(clone)), fine=(0, 1))

    def detach(self, clone: Clone) -> None:
        clone.git("checkout", "-q", "--detach")

    def delete(self, clone: Clone) -> None:
        clone.git("branch", "-q", "-D", self.random.choice(self.branches(clone)), fine=(0, 1))

    def tag(self, clone: Clone) -> None:
        name = self.random.choice(["v1", "v2"])
        clone.git("tag", "-a", "-m", name, name, fine=(0, 128))

    def rebase(self, clone: Clone) -> None:
        onto = self.random.choice(self.branches(clone))
        clone.git("stash", "push", "-q", "-u")
        clone.git("rebase", "-q", onto, fine=(0, 1, 128))
        clone.git("rebase", "--abort", fine=(0, 128))

    def reset(self, clone: Clone) -> None:
        clone.git("reset", "-q", "--hard", "HEAD~1", fine=(0, 128))

    def stage(self, clone: Clone) -> None:
        name = self.new_name()
        clone.write(name, name)
        clone.git("add", name)

    def stash(self, clone: Clone) -> None:
        self.stage(clone)
        clone.git("stash", "push", "-q")

    def drop(self, clone: Clone) -> None:
        clone.git("stash", "drop", "-q", fine=(0, 1))

    def merge(self, clone: Clone) -> None:
        refs = clone.git("for-each-ref", "--format=%(refname)", "refs/simulacra/*/heads").split()
        if refs:
            clone.git("merge", "-q", "--no-edit", self.random.choice(refs), fine=(0, 1, 2, 128))
            clone.git("merge", "--abort", fine=(0, 128))


ACTS: list[Callable[[Histories, Clone], None]] = [
    Histories.commit, Histories.commit, Histories.amend, Histories.branch, Histories.switch,
    Histories.switch, Histories.detach, Histories.delete, Histories.tag, Histories.rebase,
    Histories.reset, Histories.stage, Histories.stash, Histories.drop, Histories.merge,
]  # fmt: skip


def refs(clone: Clone) -> list[str]:
    shown = clone.git("for-each-ref", "--format=%(refname) %(objectname)")
    left_out = ("refs/simulacra/_replaced", "refs/stash")
    found = [line for line in shown.splitlines() if not line.startswith(left_out)]
    head = clone.git("symbolic-ref", "-q", "HEAD", fine=(0, 1)) or clone.at("HEAD")
    stash = sorted(clone.git("stash", "list", "--format=%H").split())
    return [*found, head, clone.git("write-tree"), *stash]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(examples(3, many=12)))
def test_clones_become_the_same_and_lose_nothing(tmp_path: Path, seed: int) -> None:
    play = Histories(tmp_path, seed)
    for _ in range(25):
        play.step()
    for _ in range(4):
        pairs = [(a, b) for a in play.clones for b in play.clones if a is not b]
        changed = [play.take(one, other) for one, other in pairs]
        if not any(changed):
            break
    else:
        raise AssertionError("it never comes to rest")
    for clone in play.clones:
        assert refs(clone) == refs(play.clones[0])
        assert play.made - play.dropped <= play.reachable(clone)
        assert clone.git("fsck", "--strict", "--no-dangling") == ""
