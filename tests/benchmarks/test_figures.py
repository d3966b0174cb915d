"""Medians, ratios and verdicts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.case import Against, Better, Case, Contender, Spread
from benchmarks.figures import Measured, figures


def contender(name: str) -> Contender:
    return Contender(name, (name,), 1, lambda: None)


def case(**changes: Any) -> Case:
    settings: dict[str, Any] = {
        "area": "runtime",
        "name": "ask",
        "unit": "µs",
        "better": Better.LOWER,
        "ours": contender("simulacra"),
        "peers": (Against(contender("peer"), 1.3),),
    }
    return Case(**(settings | changes))


def test_ratio_is_of_medians() -> None:
    measured = Measured({"simulacra": [9.0, 12.0, 100.0], "peer": [10.0, 1.0, 50.0]}, {})
    (row,) = figures(case(), measured)
    assert (row.ours, row.peer_value, row.ratio, row.holds) == (12.0, 10.0, 1.2, True)


@pytest.mark.parametrize(
    ("better", "ours", "holds"),
    [
        (Better.LOWER, 13.0, True),
        (Better.LOWER, 13.1, False),
        (Better.HIGHER, 13.0, True),
        (Better.HIGHER, 12.9, False),
    ],
)
def test_target_bounds_the_ratio_on_the_worse_side(
    better: Better, ours: float, holds: bool
) -> None:
    (row,) = figures(case(better=better), Measured({"simulacra": [ours], "peer": [10.0]}, {}))
    assert row.holds is holds


@pytest.mark.parametrize(
    ("better", "ours", "bound", "holds"),
    [
        (Better.LOWER, [1.0, 12.0, 99.0], 1.2, True),
        (Better.LOWER, [1.0, 12.1, 12.1], 1.2, False),
        (Better.HIGHER, [1.0, 9.0, 9.0], 0.9, True),
        (Better.HIGHER, [8.9, 8.9, 99.0], 0.9, False),
    ],
)
def test_a_target_of_the_peers_spread_is_its_worst_sample(
    better: Better, ours: list[float], bound: float, holds: bool
) -> None:
    against = (Against(contender("peer"), Spread.OF_PEER),)
    measured = Measured({"simulacra": ours, "peer": [9.0, 12.0, 10.0]}, {})
    (row,) = figures(case(peers=against, better=better), measured)
    assert (row.target, row.holds) == (bound, holds)
    (row,) = figures(case(peers=against), Measured({"simulacra": ours}, {"peer": "it is away"}))
    assert (row.target, row.holds) == (None, None)


def test_without_peer_the_target_bounds_our_figure() -> None:
    measured = Measured({"simulacra": [151.0]}, {})
    (row,) = figures(case(peers=(), target=150.0), measured)
    assert (row.peer, row.ratio, row.holds) == (None, None, False)


def test_a_tail_has_a_row_of_its_own_that_the_target_bounds() -> None:
    measured = Measured({"simulacra": [float(n) for n in range(200, 0, -1)]}, {})
    half, tail = figures(case(peers=(), target=198.0, tail=True), measured)
    assert (half.name, half.ours, half.holds) == ("ask, p50 of 200", 100.5, None)
    assert (tail.name, tail.ours, tail.holds) == ("ask, p99 of 200", 198.0, True)
    _, few = figures(case(peers=(), target=2.0, tail=True), Measured({"simulacra": [1.0, 3.0]}, {}))
    assert (few.ours, few.holds) == (3.0, False)
    none = figures(case(peers=(), tail=True), Measured({}, {"simulacra": "it fell silent"}))
    assert [(row.ours, row.note) for row in none] == [(None, "it fell silent")] * 2
    with pytest.raises(ValueError, match="tail"):
        case(tail=True)


def test_a_missing_peer_keeps_its_row_and_says_why() -> None:
    measured = Measured({"simulacra": [1.0]}, {"peer": "erl is not installed"})
    (row,) = figures(case(), measured)
    assert (row.ours, row.peer_value, row.holds, row.note) == (
        1.0,
        None,
        None,
        "erl is not installed",
    )


def test_a_case_cannot_bound_both_itself_and_its_ratio() -> None:
    with pytest.raises(ValueError, match="ask: with peers the targets belong to them"):
        case(target=1.0)


@given(measured=st.sets(st.sampled_from(["simulacra", "near", "far"])))
def test_every_peer_has_its_row_and_no_verdict_lacks_a_side(measured: set[str]) -> None:
    peers = (Against(contender("near"), 1.0), Against(contender("far")))
    reasons = {name: f"no {name}" for name in {"simulacra", "near", "far"} - measured}
    rows = figures(case(peers=peers), Measured({name: [2.0] for name in measured}, reasons))
    assert [row.peer for row in rows] == ["near", "far"]
    assert (rows[0].holds is not None) == ({"simulacra", "near"} <= measured)
    assert rows[1].holds is None
    assert all((row.note is None) == ({"simulacra", row.peer} <= measured) for row in rows)
