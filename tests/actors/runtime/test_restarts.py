from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from simulacra.actors.runtime import Actor, Backoff, ChildSpec, ExitReason, Flags
from simulacra.actors.runtime.children import Child
from simulacra.actors.runtime.restarts import (
    RestartWindow,
    delay_before,
    failures_in_a_row,
    is_restarted,
    plan_restart,
    shuts_down,
)

BOOM = ExitReason("boom")
STATES = st.sampled_from(["running", "restarting", "undefined"])
RESTARTS = st.sampled_from(["permanent", "transient", "temporary"])
AUTO_SHUTDOWNS = ["never", "any_significant", "all_significant"]


def child(name: str = "a", state: Any = "running", **fields: Any) -> Child:
    return Child(name, ChildSpec(name, Actor, **fields), state=state)


@st.composite
def families(draw: st.DrawFn) -> list[Child]:
    kinds = draw(st.lists(st.tuples(STATES, RESTARTS), min_size=1, max_size=6))
    return [
        child(str(number), "running" if restart == "temporary" else state, restart=restart)
        for number, (state, restart) in enumerate(kinds)
    ]


# -- counting


@given(
    st.lists(st.floats(0, 3), max_size=30),
    st.integers(0, 5),
    st.floats(0.1, 5),
)
def test_the_window_counts_what_lies_within_the_period(
    gaps: list[float], intensity: int, period: float
) -> None:
    window, times, now = RestartWindow(), list[float](), 0.0
    for gap in gaps:
        now += gap
        times.append(now)
        window = window.count(now, BOOM, period)
        within = [time for time in times if time >= now - period]
        assert [time for time, _ in window.restarts] == within
        assert window.exceeds(intensity) == (len(within) > intensity)


def test_both_ends_of_the_period_count() -> None:
    window = RestartWindow().count(10.0, BOOM, 5.0)
    assert window.count(15.0, BOOM, 5.0).exceeds(1)
    assert not window.count(15.001, BOOM, 5.0).exceeds(1)


def test_the_first_reason_is_the_oldest_that_counts() -> None:
    first, second, third = (ExitReason(word) for word in ("first", "second", "third"))
    window = RestartWindow().count(0.0, first, 5.0).count(3.0, second, 5.0)
    assert window.first_reason == first
    assert window.count(7.0, third, 5.0).first_reason == second


# -- who is restarted


@pytest.mark.parametrize(
    ("restart", "kinds"),
    [
        ("permanent", {"normal", "shutdown", "killed", "error", "boom", "noproc"}),
        ("transient", {"killed", "error", "boom", "noproc"}),
        ("temporary", set()),
    ],
)
def test_who_is_restarted(restart: Any, kinds: set[str]) -> None:
    spec = ChildSpec("a", Actor, restart=restart)
    reasons = ("normal", "shutdown", "killed", "error", "boom", "noproc")
    assert {kind for kind in reasons if is_restarted(spec, ExitReason(kind))} == kinds


def test_a_shutdown_with_a_detail_is_a_shutdown() -> None:
    spec = ChildSpec("a", Actor, restart="transient")
    assert not is_restarted(spec, ExitReason("shutdown", detail="why"))


# -- who else


def names(children: tuple[Child, ...]) -> list[object]:
    return [child.key for child in children]


@pytest.mark.parametrize(
    ("strategy", "ended", "started"),
    [
        ("one_for_one", [], ["b"]),
        ("simple_one_for_one", [], ["b"]),
        ("rest_for_one", ["e", "d"], ["b", "c", "e"]),
        ("one_for_all", ["e", "d", "a"], ["a", "b", "c", "e"]),
    ],
)
def test_the_strategies(strategy: Any, ended: list[str], started: list[str]) -> None:
    family = [
        child("a"),
        child("b", "restarting"),
        child("c", "undefined"),
        child("d", restart="temporary"),
        child("e", restart="transient"),
    ]
    plan = plan_restart(Flags(strategy), family, family[1])
    assert (names(plan.end), names(plan.start)) == (ended, started)


@given(families(), st.data(), st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]))
def test_every_plan_keeps_the_order_and_spares_the_rest(
    family: list[Child], data: st.DataObject, strategy: Any
) -> None:
    may_fail = [one for one in family if not one.is_temporary]
    assume(may_fail)
    failed = data.draw(st.sampled_from(may_fail))
    failed.state = "restarting"
    plan = plan_restart(Flags(strategy), family, failed)
    place = {one.key: number for number, one in enumerate(family)}
    assert [place[one.key] for one in plan.start] == sorted(place[one.key] for one in plan.start)
    assert [place[one.key] for one in plan.end] == sorted(
        (place[one.key] for one in plan.end), reverse=True
    )
    assert failed in plan.start
    assert all(one.state == "running" for one in plan.end)
    assert not any(one.is_temporary for one in plan.start)
    if strategy == "one_for_one":
        assert (plan.end, plan.start) == ((), (failed,))
    before = [one for one in family if place[one.key] < place[failed.key]]
    if strategy == "rest_for_one":
        assert not any(one in plan.start or one in plan.end for one in before)
    started_over = {one.key for one in plan.end if not one.is_temporary}
    assert started_over <= {one.key for one in plan.start}


# -- automatic shutdown


@pytest.mark.parametrize("auto_shutdown", AUTO_SHUTDOWNS)
def test_an_insignificant_child_shuts_nothing_down(auto_shutdown: Any) -> None:
    ended = ChildSpec("a", Actor, restart="temporary")
    assert not shuts_down(Flags(auto_shutdown=auto_shutdown), ended, [])


@pytest.mark.parametrize(
    ("auto_shutdown", "states", "expected"),
    [
        ("never", [], False),
        ("any_significant", ["running"], True),
        ("all_significant", [], True),
        ("all_significant", ["undefined", "undefined"], True),
        ("all_significant", ["undefined", "running"], False),
        ("all_significant", ["restarting"], False),
    ],
)
def test_the_end_of_a_significant_child(
    auto_shutdown: Any, states: list[Any], expected: bool
) -> None:
    ended = ChildSpec("a", Actor, restart="transient", significant=True)
    left = [
        child(str(number), state, restart="transient", significant=True)
        for number, state in enumerate(states)
    ]
    insignificant = child("z", "running")
    flags = Flags(auto_shutdown=auto_shutdown)
    assert shuts_down(flags, ended, [*left, insignificant]) is expected


# -- back-off


@given(st.floats(0.01, 10), st.floats(1, 10), st.floats(1, 100), st.integers(1, 10_000))
def test_waits_grow_and_stay_within_their_bounds(
    initial: float, factor: float, times: float, failures: int
) -> None:
    backoff = Backoff(initial, initial * times, factor)
    delay = delay_before(backoff, failures)
    assert min(initial, backoff.maximum) <= delay <= backoff.maximum
    assert delay <= delay_before(backoff, failures + 1)


def test_the_waits_of_the_defaults() -> None:
    assert [delay_before(Backoff(), n) for n in (1, 2, 3, 20)] == [0.1, 0.2, 0.4, 30.0]


def test_a_long_life_begins_anew() -> None:
    backoff = Backoff(maximum=30)
    assert failures_in_a_row(backoff, 7, lived=30.5) == 1
    assert failures_in_a_row(backoff, 7, lived=29.5) == 8
    assert failures_in_a_row(backoff, 0, lived=0.0) == 1
