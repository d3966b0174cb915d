from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.cluster import entry_kinds as kinds
from simulacra.actors.cluster import work_items as work
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.forks import merge_body
from simulacra.actors.cluster.journal import Journal
from simulacra.actors.cluster.lattice import State, covers, pack
from tests.support import examples

EXAMPLES = examples(40, many=300)

names = st.sampled_from(["n1", "n2"])
whos = st.sampled_from(["x", "y"])
ids = st.sampled_from(["i1", "i2"])
numbers = st.integers(0, 3)
requests = st.one_of(
    st.tuples(st.just("claim"), st.fixed_dictionaries({"name": names, "owner": whos})),
    st.tuples(st.just("release"), st.fixed_dictionaries({"name": names, "owner": whos})),
    st.tuples(st.just("set"), st.fixed_dictionaries({"key": names, "value": numbers})),
    st.tuples(st.just("unset"), st.fixed_dictionaries({"key": names})),
    st.tuples(st.just("put"), st.fixed_dictionaries({"id": ids})),
    st.tuples(st.just("assign"), st.fixed_dictionaries({"id": ids, "to": whos})),
    st.tuples(st.just("requeue"), st.fixed_dictionaries({"id": ids})),
    st.tuples(
        st.just("done"),
        st.fixed_dictionaries({"id": ids, "attempt": numbers, "by": whos, "clock": numbers}),
    ),
    st.tuples(st.just("forget"), st.fixed_dictionaries({"id": ids})),
    st.tuples(
        st.just("count"), st.fixed_dictionaries({"key": names, "by": whos, "total": numbers})
    ),
)
runs = st.lists(requests, max_size=6)


class Side:
    """A master on one side of a split."""

    def __init__(self, host: str, counter: int, base: Journal) -> None:
        self.host, self.epoch = host, Epoch(counter, host)
        self.journal = Journal(base.snapshot())

    def do(self, run: list[tuple[str, dict[str, Any]]], tag: str) -> None:
        for number, (kind, body) in enumerate(run):
            self.write(kind, body, f"{self.host}{tag}{number}")

    def write(self, kind: str, body: dict[str, Any], request: str = "") -> None:
        origin = f"{self.host}/1"
        entry = self.journal.entry(
            kind, body, epoch=self.epoch, origin=origin, at=0.0, request=request
        )
        self.journal.take(entry)

    def merge(self, other: "Side") -> None:
        journal = other.journal
        self.write(
            "merge", merge_body(self.journal.state, journal.state, journal.epoch, other.host)
        )


def merged(*states: State) -> State:
    """States merged one after the other."""
    result = State()
    for state in states:
        result.merge(result.difference(state))
    return result


def view(state: State) -> list[Any]:
    """What people see of the records."""
    return [kinds.names(state), kinds.settings(state), work.items(state), work.ledgers(state)]


def sides(first: list[Any], others: list[list[Any]]) -> list[Side]:
    """Hosts that share a past and then each went on alone."""
    past = Side("z", 1, Journal())
    past.do(first, "p")
    made = [Side(host, 2 + n, past.journal) for n, host in enumerate("abc")]
    for side, run in zip(made, others, strict=True):
        side.do(run, "s")
    return made


@settings(max_examples=EXAMPLES)
@given(runs, st.lists(runs, min_size=3, max_size=3))
def test_merging_is_a_join(first: list[Any], others: list[list[Any]]) -> None:
    a, b, c = (side.journal.state for side in sides(first, others))
    results = [merged(*order) for order in permutations([a, b, c])]
    assert all(result == results[0] for result in results)
    assert merged(a, merged(b, c)) == merged(merged(a, b), c) == results[0]
    assert merged(results[0], a, results[0]) == results[0]
    assert all(view(result) == view(results[0]) for result in results)


@settings(max_examples=EXAMPLES)
@given(runs, st.lists(runs, min_size=3, max_size=3), runs, st.randoms(use_true_random=False))
def test_masters_that_merge_in_any_order_see_the_same(
    first: list[Any], others: list[list[Any]], more: list[Any], random: Random
) -> None:
    a, b, c = sides(first, others)
    a.merge(b)
    a.do(more, "m")
    meetings = [(b, c), (c, a), (a, b)]
    random.shuffle(meetings)
    for one, other in [*meetings, *meetings]:
        one.merge(other)
        other.merge(one)
    assert view(a.journal.state) == view(b.journal.state) == view(c.journal.state)


@settings(max_examples=EXAMPLES)
@given(runs, st.lists(runs, min_size=3, max_size=3))
def test_nothing_written_on_one_side_is_lost_unless_the_other_had_seen_it(
    first: list[Any], others: list[list[Any]]
) -> None:
    a, b, _ = (side.journal.state for side in sides(first, others))
    both = merged(a, b)
    for side, other in ((a, b), (b, a)):
        for table, key, (origin, n), value in side.elements():
            if n > other.context.get(origin, 0):
                assert both.values(table, key)[origin, n] == value
    assert covers(both.context, a.context)
    assert covers(both.context, b.context)


@given(runs, st.lists(runs, min_size=3, max_size=3))
def test_a_state_comes_back_from_plain_data(first: list[Any], others: list[list[Any]]) -> None:
    a, b, _ = (side.journal.state for side in sides(first, others))
    state = merged(a, b)
    assert State.from_plain(state.to_plain()) == state


def test_what_is_dropped_on_one_side_does_not_come_back() -> None:
    a, b, _ = sides([("set", {"key": "k", "value": 1})], [[("unset", {"key": "k"})], [], []])
    assert kinds.settings(merged(a.journal.state, b.journal.state)) == {}


def test_what_is_dropped_on_one_side_and_written_on_the_other_stays() -> None:
    a, b, _ = sides(
        [("set", {"key": "k", "value": 1})],
        [[("unset", {"key": "k"})], [("set", {"key": "k", "value": 2})], []],
    )
    assert kinds.settings(merged(a.journal.state, b.journal.state))["k"]["value"] == 2


@pytest.mark.parametrize("value", [float("inf"), object(), "\ud800"])
def test_what_is_no_plain_data_is_not_packed(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        pack({"x": value})
