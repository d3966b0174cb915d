"""Random histories of two to four replicas: what must hold after quiet; and faults are found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.data.entries import FOLDER
from simulacra.actors.data.reconciling import merging
from simulacra.actors.data.reconciling.records import Record
from tests.actors.data.reconciling import memory_index
from tests.actors.data.reconciling.simulator import MIXES, Host, Step, World, history
from tests.support import examples

EXAMPLES = examples(150, many=1000)
FAULTY = 400
"""Histories in which a fault has to show."""

PLAIN = ("write", "mkdir", "remove", "chmod", "scan", "sync", "apply", "meet", "crash", "forget")

kinds = st.sampled_from(sorted({kind for mix in MIXES for kind in mix}))
number = st.integers(0, 999)
steps = st.tuples(kinds, st.integers(0, 3), number, number)


def play(size: int, taken: list[Step]) -> World:
    world = World(size)
    world.run(taken)
    world.quiet()
    world.check()
    return world


@pytest.mark.timeout(3600)
def test_nothing_is_lost_and_all_become_equal() -> None:
    for seed in range(EXAMPLES):
        size, taken = history(seed)
        try:
            play(size, taken)
        except AssertionError as error:
            raise AssertionError(f"history {seed}: {error}") from error


@pytest.mark.timeout(3600)
@settings(max_examples=EXAMPLES // 3)
@given(st.integers(2, 4), st.lists(steps, max_size=30))
def test_the_same_with_histories_that_shrink(size: int, taken: list[Step]) -> None:
    play(size, taken)


def originals(host: Host) -> set[bytes]:
    """The contents of files and links that are no conflict copies."""
    entries = host.disk.entries.items()
    found = {entry.content.digest for path, (entry, _) in entries if b".conflict" not in path}
    return found - {FOLDER.digest}


@pytest.mark.timeout(3600)
def test_nothing_that_was_deleted_returns() -> None:
    """Deleted where all was known, while others edit other things, and lose databases.

    Not where things were renamed: an import does not know all their names.
    """
    for seed in range(EXAMPLES // 3):
        size, taken = history(seed)
        world = play(size, taken)
        random = Random(seed)
        deleter = world.hosts[0]
        gone: set[bytes] = set()
        for _ in range(random.randrange(1, 4)):
            before = originals(deleter)
            deleter.remove(random.randrange(1000), 0)
            gone |= before - originals(deleter)
        gone -= {entry.content.digest for entry, _ in deleter.disk.entries.values()}
        renamed = any(step[0] in ("rename", "replace") for step in taken)
        renamed |= any(b".conflict" in path for path in world.hosts[1].disk.entries)
        deleter.scan()
        for other in world.hosts[1:]:
            other.pull(deleter)  # before it can be lost
            for _ in range(random.randrange(4)):
                world.step(("write", random.randrange(1, size), random.randrange(1000), 2))
            if random.random() < 0.3 and not renamed:
                other.lose()
        kinds = ("scan", "apply", "sync", "meet", "crash", "forget", "mkdir", "chmod")
        for _ in range(20):
            a, b = random.randrange(1000), random.randrange(1000)
            world.step((random.choice(kinds), random.randrange(size), a, b))
        world.quiet()
        world.check()
        there = {entry.content.digest for entry, _ in deleter.disk.entries.values()}
        assert not gone & there, f"history {seed}"


def plain_worlds(number: int) -> Iterator[World]:
    """Worlds in which nothing is renamed and no database is lost."""
    for seed in range(number):
        size, taken = history(seed)
        world = World(size)
        world.run([step for step in taken if step[0] in PLAIN])
        world.quiet()
        yield world


@pytest.mark.timeout(3600)
def test_what_was_overwritten_or_deleted_is_nowhere() -> None:
    assert not any(world.returned() for world in plain_worlds(EXAMPLES))


# -- the simulator finds faults


def broken_worlds() -> Iterator[str]:
    """What goes wrong with a broken rule."""
    for seed in range(FAULTY):
        size, taken = history(seed)
        try:
            play(size, taken)
        except AssertionError as error:
            yield str(error)


def test_it_finds_a_merge_that_drops_the_loser() -> None:
    def latest_only(mine: Record, theirs: Record) -> Record:
        merged = merging.merge(mine, theirs)
        dots = {version.dot for version in merged.versions}
        kept = merged.versions[-1:]
        return replace(
            merged,
            versions=kept,
            alive=merged.alive - dots | {version.dot for version in kept if merged.alive},
        )

    with patch.object(memory_index, "merge", latest_only):
        assert any("lost" in error for error in broken_worlds())


def test_it_finds_versions_without_dots_of_their_own() -> None:
    """Plain vectors: of two states one includes the other, or all of both is kept."""

    def plain(mine: Record, theirs: Record) -> Record:
        merged = merging.merge(mine, theirs)
        if merged.context in (mine.context, theirs.context):
            return merged
        versions = {each.dot: each for each in (*mine.versions, *theirs.versions)}
        return replace(
            merged,
            versions=tuple(sorted(versions.values(), key=lambda each: each.event)),
            alive=mine.alive | theirs.alive,
        )

    with patch.object(memory_index, "merge", plain):
        assert any(world.returned() for world in plain_worlds(FAULTY))


def test_it_finds_deletions_that_take_what_they_have_not_seen() -> None:
    def greedy(mine: Record, theirs: Record) -> Record:
        merged = merging.merge(mine, theirs)
        return merged if mine.alive and theirs.alive else replace(merged, alive=frozenset())

    with patch.object(memory_index, "merge", greedy):
        assert any("lost" in error for error in broken_worlds())
