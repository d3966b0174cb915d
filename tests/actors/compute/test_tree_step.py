from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.tree_step import PATIENCE, Side, Step, missing, scans_seen, step

IDLE: dict[str, Any] = {"state": "idle", "scans": 3, "vector": [("laptop", 1, 7)], "left": {}}


def at(source: dict[str, Any], target: dict[str, Any], waited: float = 0.0) -> Step:
    laptop, nas = Side("laptop", {**IDLE, **source}), Side("nas", {**IDLE, **target})
    return step("src", laptop, 2, nas, waited)


def test_it_is_done_when_the_target_has_all_that_was_seen_after_the_order() -> None:
    assert at({}, {}).done
    assert not at({"scans": 2}, {}).done
    assert at({}, {"vector": [("laptop", 1, 5), ("nas", 1, 9)]}).changes == 2
    assert at({}, {"vector": []}).changes == 7
    assert not at({}, {"state": "bringing"}).done


def test_a_look_that_is_under_way_does_not_count() -> None:
    assert scans_seen(Side("laptop", IDLE)) == 3
    assert scans_seen(Side("laptop", {**IDLE, "state": "scanning"})) == 4
    just_ended = {**IDLE, "state": "scanning", "begun": 3}  # and what it found is worked on
    assert scans_seen(Side("laptop", just_ended)) == 3
    assert scans_seen(Side("laptop", {**IDLE, "state": "scanning", "begun": 4})) == 4


def test_another_life_of_a_host_is_another_replica() -> None:
    assert at({"vector": [("laptop", 2, 1)]}, {}).changes == 1


@pytest.mark.parametrize("state", ["paused", "halted", "waiting", "out of reach"])
def test_what_needs_a_person_is_said_on_either_side(state: str) -> None:
    stuck: dict[str, Any] = {"state": state, "reason": "so"}
    for found in (at(stuck, {}), at({}, stuck)):
        assert not found.done
        assert found.held is not None
        assert f"src is {state} on " in found.held
        assert found.held.endswith(": so")
        assert "simulacra tree" in found.hint


def test_a_copy_of_which_nothing_is_known_is_told_with_its_host() -> None:
    stuck: dict[str, Any] = {"state": "unknown", "reason": "so"}
    for host, found in (("laptop", at(stuck, {})), ("nas", at({}, stuck))):
        assert not found.done
        assert found.held == f"{host} does not say how src is there: so"
        assert "simulacra status" in found.hint


def test_what_could_not_be_brought_is_waited_for_a_little() -> None:
    left = {"left": {"a/b": "it is being written"}}
    assert at({}, left).held is None
    found = at({}, left, PATIENCE)
    assert found.held == "a/b could not be brought up to date on nas: it is being written"
    assert not found.done


vectors = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.integers(1, 2)), st.integers(0, 9)
).map(lambda known: [(host, life, n) for (host, life), n in known.items()])


@given(vectors, vectors)
def test_nothing_is_missing_exactly_where_each_number_is_reached(
    one: list[tuple[str, int, int]], other: list[tuple[str, int, int]]
) -> None:
    known = {(host, life): n for host, life, n in other}
    short = [each for each in one if known.get(each[:2], 0) < each[2]]
    count = missing(Side("x", {"vector": one}), Side("y", {"vector": other}))
    assert (count == 0) == (not short)
    assert missing(Side("x", {"vector": one}), Side("x", {"vector": one})) == 0
    assert at({"vector": one}, {"vector": other}).done == (not short)
