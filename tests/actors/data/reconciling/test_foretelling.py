"""What is foretold of two copies is what becomes of them."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulacra.actors.data.reconciling.foretelling import Forecast, foretell, path_of
from simulacra.actors.data.reconciling.projecting import sides
from tests.actors.data.reconciling.making import meet, pair, put, remove
from tests.actors.data.reconciling.simulator import Host, World, history
from tests.support import examples


def told(mine: Host, theirs: Host) -> Forecast:
    """What is foretold on a host of itself and another, which tells what it did not hear before."""
    heard = mine.cursors.get(theirs.author.replica, 0)
    fresh = [theirs.index.records[each] for each, n in theirs.index.sequence.items() if n > heard]
    return foretell(mine.index.records.values(), mine.index.record, fresh, theirs.vector)


def changes(mine: Host, theirs: Host) -> tuple[int, int]:
    """How many records are changed, and removed, when one host takes what another knows."""
    before = dict(mine.index.records)
    mine.pull(theirs)
    new = [
        record
        for which, record in mine.index.records.items()
        if record != before.get(which) and (record.alive or which in before)
    ]
    living = [record for record in new if record.alive]
    return len(living), sum(1 for record in new if not record.alive and before[record.id].alive)


def test_edits_deletions_and_clashes_are_counted_for_each_way() -> None:
    left, right = pair(b"d/", b"d/a", b"b", b"c", b"e")
    put(left, b"d/a", 7)
    put(left, b"new", 8)
    remove(left, b"b")
    put(right, b"d/a", 9)
    remove(right, b"c")
    left.scan()
    right.scan()
    found = told(left, right)
    assert (found.up.changed, found.up.removed) == (2, 1)
    assert (found.down.changed, found.down.removed) == (1, 1)
    assert found.clashes == [b"d/a"]
    assert told(right, left).clashes == [b"d/a"]


def test_nothing_is_foretold_of_copies_that_are_alike() -> None:
    left, right = pair(b"d/", b"d/a", b"b")
    assert told(left, right) == Forecast()


def test_an_edit_and_a_deletion_are_no_clash() -> None:
    left, right = pair(b"a")
    put(left, b"a", 5)
    remove(right, b"a")
    left.scan()
    right.scan()
    found = told(left, right)
    assert found.clashes == []
    assert (found.up.changed, found.down.removed) == (1, 0)


def test_a_clash_that_was_there_before_is_none_again() -> None:
    left, right = pair(b"a", b"b")
    put(left, b"a", 5)
    put(right, b"a", 6)
    meet(left, right)
    put(right, b"b", 7)
    right.scan()
    found = told(left, right)
    assert (found.clashes, found.down.changed) == ([], 1)


@settings(max_examples=examples(30, many=300))
@example(1403197)  # Something heard of before was forgotten by all, and made again.
@given(st.integers(min_value=0))
def test_what_comes_down_is_what_taking_it_changes(seed: int) -> None:
    size, steps = history(seed)
    world = World(size)
    world.run(steps)
    left, right = world.hosts[:2]
    left.scan()
    right.scan()
    found = told(left, right)
    before = {which: len(sides(record)) for which, record in left.index.records.items()}
    # What was dropped as acknowledged by all is not taken again, and is nothing that comes.
    assert (found.down.changed, found.down.removed) == changes(left, right)
    clashes = sorted(
        path_of(record, left.index.record)
        for which, record in left.index.records.items()
        if len(sides(record)) > max(1, before.get(which, 0))
    )
    assert found.clashes == clashes
