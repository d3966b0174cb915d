from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.habits import START, Habit
from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.placement import Host, Network, Route

SAME = Software("3.11", "x86_64")


def network(round_trip: float, there: float = 1.0) -> Network:
    hosts = (Host("laptop", SAME), Host("nas", SAME, speed=there))
    return Network.of(hosts, {("laptop", "nas"): Route(round_trip, 12.5e6)})


def is_there(habit: Habit, round_trip: float, now: float = 0.0) -> bool:
    return habit.choose("laptop", "nas", network(round_trip), now).there


def status(habit: Habit, round_trip: float, *, there: bool) -> None:
    """A run of `git status` with all in the cache: measured 168 ms here, 240 ms of work there."""
    if there:
        habit.ran_there(0.240 + START + 3 * round_trip, round_trip)
    else:
        habit.ran_here(0.168 + 500 * round_trip, round_trip)


def test_warm_metadata_is_faster_here_at_no_distance_and_far_slower_at_ten_milliseconds() -> None:
    habit = Habit()
    status(habit, 0.0, there=True)
    status(habit, 0.0, there=False)
    near = habit.costs("laptop", "nas", network(0.0))
    assert near.here < near.there
    habit.ran_here(100.0, 0.01)
    far = habit.costs("laptop", "nas", network(0.01))
    assert far.there < 1
    assert far.here > 10


def test_before_anything_is_known_the_distance_decides() -> None:
    assert not is_there(Habit(), 0.0)
    assert is_there(Habit(), 0.01)


def test_the_costs_are_those_of_the_chain() -> None:
    costs = Habit().costs("laptop", "nas", network(0.01))
    assert [row.hosts for row in costs.rows] == [
        ("laptop", "nas", "nas"),
        ("laptop", "laptop", "nas"),
    ]
    assert [row.best for row in costs.rows] == [True, False]
    assert [row.total for row in costs.rows] == [costs.there, costs.here]


def test_a_slow_host_that_has_the_data_leaves_the_work_here() -> None:
    habit = Habit()
    habit.ran_there(20.0, 0.0001)
    habit.ran_here(20.5, 0.0001)
    costs = habit.costs("laptop", "nas", network(0.0001, there=0.1))
    assert costs.here < costs.there


def test_a_side_that_is_a_little_better_is_taken_after_three_runs() -> None:
    habit = Habit()
    assert not is_there(habit, 0.0)
    habit.ran_here(1.0, 0.0)
    habit.ran_there(0.6, 0.0)
    assert [is_there(habit, 0.0) for _ in range(4)] == [False, False, True, True]


def test_a_side_that_is_far_better_is_taken_at_once() -> None:
    habit = Habit()
    assert not is_there(habit, 0.0)
    habit.ran_here(30.0, 0.01)
    habit.ran_there(0.4, 0.01)
    assert is_there(habit, 0.01)


def test_a_gain_below_what_a_start_takes_is_none() -> None:
    habit = Habit()
    assert not is_there(habit, 0.0)
    habit.ran_here(0.060, 0.0)
    habit.ran_there(0.001, 0.0)
    assert not any(is_there(habit, 0.0) for _ in range(10))


def test_a_session_of_editing_and_compiling_changes_once_for_each_phase() -> None:
    """AA at the desk, AB when only compiling pays there, BB on the train."""
    edit, compiling = Habit(), Habit()
    seen: list[str] = []
    phases = [(0.0, 0.05, 1.0), (0.0002, 0.05, 4.0), (0.01, 0.05, 4.0)]
    for number, (trip, light, heavy) in enumerate(phases):
        for run in range(12):
            now = 1000.0 * number + 10.0 * run
            places = ""
            for habit, work, trips in ((edit, light, 40), (compiling, heavy, 30_000)):
                there = is_there(habit, trip, now)
                places += "B" if there else "A"
                if there:
                    habit.ran_there(work + START + 3 * trip, trip)
                else:
                    habit.ran_here(work + trips * (trip + 3e-6), trip)
            if not seen or seen[-1] != places:
                seen.append(places)
    assert seen == ["AA", "AB", "BB"]


@given(st.lists(st.floats(0.01, 100.0), min_size=50, max_size=200), st.floats(0.0, 0.05))
def test_costs_that_swing_make_it_change_ever_less(seconds: list[float], trip: float) -> None:
    habit = Habit()
    changes, before = 0, is_there(habit, trip)
    for number, each in enumerate(seconds):
        there = is_there(habit, trip, float(number))
        changes += there != before
        before = there
        if there:
            habit.ran_there(each, trip)
        else:
            habit.ran_here(each, trip)
    # Within ten minutes: the first at once or after 3 runs, the next after 6, 12, 24, 48, 48, ...
    assert changes <= 6 + len(seconds) // 48


@given(st.floats(0.0, 1e4), st.floats(0.0, 1.0), st.floats(0.0, 1e4), st.floats(0.0, 1.0))
def test_whatever_was_seen_the_costs_are_finite(
    there: float, trip: float, here: float, now: float
) -> None:
    habit = Habit()
    habit.ran_there(there, trip)
    habit.ran_here(here, trip)
    costs = habit.costs("laptop", "nas", network(now))
    assert 0 <= costs.here < float("inf")
    assert 0 <= costs.there < float("inf")
