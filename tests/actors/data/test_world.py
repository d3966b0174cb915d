"""Random histories of two to four replicas: what must hold after quiet, and that a fault is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.data import merging
from simulacra.actors.data.entries import FOLDER
from simulacra.actors.data.records import Record
from tests.actors.data import memory_index
from tests.actors.data.simulator import MIXES, Step, World, history
from tests.support import examples

EXAMPLES = examples(150, ci=1000)
FAULTY = 400
"""Histories in which a fault has to show."""

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


@pytest.mark.timeout(3600)
def test_nothing_that_was_deleted_returns() -> None:
    """Deleted where all was known, while others lose databases, edit and move other things."""
    for seed in range(EXAMPLES // 3):
        size, taken = history(seed)
        world = play(size, taken)
        random = Random(seed)
        deleter = world.hosts[0]
        gone: set[bytes] = set()
        for _ in range(random.randrange(1, 4)):
            before = {entry.content for entry, _ in deleter.disk.entries.values()}
            deleter.remove(random.randrange(1000), 0)
            after = {entry.content for entry, _ in deleter.disk.entries.values()}
            gone |= {content.digest for content in before - after - {FOLDER}}
        deleter.scan()
        for other in world.hosts[1:]:
            other.pull(deleter)  # before it can be lost
            for _ in range(random.randrange(4)):
                world.step(("write", random.randrange(1, size), random.randrange(1000), 2))
            if random.random() < 0.3:
                other.lose()
        kinds = ("scan", "apply", "sync", "meet", "crash", "forget", "mkdir", "chmod")
        for _ in range(20):
            a, b = random.randrange(1000), random.randrange(1000)
            world.step((random.choice(kinds), random.randrange(size), a, b))
        world.quiet()
        world.check()
        there = {entry.content.digest for entry, _ in deleter.disk.entries.values()}
        assert not gone & there, f"history {seed}"


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

    def returned() -> Iterator[str]:
        with patch.object(memory_index, "merge", plain):
            for seed in range(FAULTY):
                size, taken = history(seed)
                world = World(size)
                world.run(taken)
                world.quiet()
                there = {e.content.digest for e, _ in world.hosts[0].disk.entries.values()}
                yield from ("returned" for _ in there & world.overwritten())

    assert any(returned())


def test_it_finds_deletions_that_take_what_they_have_not_seen() -> None:
    def greedy(mine: Record, theirs: Record) -> Record:
        merged = merging.merge(mine, theirs)
        return merged if mine.alive and theirs.alive else replace(merged, alive=frozenset())

    with patch.object(memory_index, "merge", greedy):
        assert any("lost" in error for error in broken_worlds())
