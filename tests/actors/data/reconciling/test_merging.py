"""Merging: the laws of a join, over records that random histories made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.data.reconciling.merging import merge
from simulacra.actors.data.reconciling.record_plain import to_plain
from simulacra.actors.data.reconciling.records import Record
from tests.actors.data.reconciling.simulator import World, history
from tests.support import examples

EXAMPLES = examples(60, many=500)


@cache
def states(seed: int) -> list[list[Record]]:
    """States that replicas had of one record each, at several times of a history."""
    size, taken = history(seed)
    world = World(size)
    found: dict[bytes, list[Record]] = {}
    for step in taken:
        world.step(step)
        for host in world.hosts:
            for record in host.index.records.values():
                of_one = found.setdefault(record.id, [])
                if record not in of_one:
                    of_one.append(record)
    return [each for each in found.values() if len(each) > 1]


def triples(seed: int) -> Iterator[tuple[Record, Record, Record]]:
    random = Random(seed)
    for of_one in states(seed):
        for _ in range(6):
            a, b, c = random.choices(of_one, k=3)
            yield a, b, c


seeds = st.integers(0, 5000)


@settings(max_examples=EXAMPLES)
@given(seeds)
def test_the_order_of_merging_does_not_matter(seed: int) -> None:
    for a, b, c in triples(seed):
        assert to_plain(merge(a, b)) == to_plain(merge(b, a))
        assert merge(merge(a, b), c) == merge(a, merge(b, c))


@settings(max_examples=EXAMPLES)
@given(seeds)
def test_merging_again_changes_nothing(seed: int) -> None:
    for a, b, _ in triples(seed):
        assert merge(a, a) == a
        merged = merge(a, b)
        assert merge(merged, a) == merged == merge(merged, b)
