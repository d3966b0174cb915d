from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.habits import START
from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.placement import Host, Network, Route
from simulacra.actors.compute.tree_habits import CARRYING, TreeHabit

SAME = Software("3.11", "x86_64")
TRIP = 0.001
SIDES: dict[tuple[str, ...], str] = {
    ("laptop", "laptop", "laptop"): "AA",
    ("laptop", "laptop", "nas"): "AB",
    ("laptop", "nas", "nas"): "BB",
}


def network(nas: float = 1.0, trip: float = TRIP, load: float = 0.0, desk: float = 1.0) -> Network:
    """A laptop of one core, loaded or not, and two hosts of that speed."""
    hosts = (
        Host("laptop", SAME, load=load, cores=1),
        Host("nas", SAME, speed=nas),
        Host("desk", SAME, speed=desk),
    )
    return Network.of(hosts, {("laptop", each): Route(trip, 12.5e6) for each in ("nas", "desk")})


def side(habit: TreeHabit, at: Network, now: float = 0.0, changes: int = 0) -> str:
    return "AB" if habit.choose("laptop", "nas", at, now, changes).there else "AA"


def learned(seconds: float) -> TreeHabit:
    habit = TreeHabit()
    habit.ran("laptop", seconds, network())
    return habit


def test_the_table_is_of_aa_ab_and_bb() -> None:
    costs = learned(10.0).costs("laptop", "nas", network(nas=4.0))
    assert {SIDES[row.hosts] for row in costs.rows} == {"AA", "AB", "BB"}
    total = {SIDES[row.hosts]: row.total for row in costs.rows}
    assert (costs.here, costs.there) == (total["AA"], total["AB"])
    assert [row.total for row in costs.rows] == sorted(total.values())
    assert [row.best for row in costs.rows] == [True, False, False]
    # What lies between: half a second of carrying, or thirty keys.
    assert 0.4 < total["AB"] - total["BB"] < CARRYING


def test_short_commands_stay_and_long_ones_go_where_they_are_faster() -> None:
    assert side(learned(0.1), network(nas=4.0)) == "AA"
    assert side(learned(10.0), network(nas=4.0)) == "AB"
    assert side(learned(10.0), network()) == "AA"


def test_a_host_that_is_busy_lets_its_work_go() -> None:
    assert side(learned(10.0), network(load=3.0)) == "AB"


def test_what_waits_to_be_carried_counts() -> None:
    assert side(learned(2.0), network(nas=4.0)) == "AB"
    assert side(learned(2.0), network(nas=4.0), changes=10_000) == "AA"


def test_work_is_learned_on_either_host_and_carrying_from_what_it_took() -> None:
    habit = TreeHabit()
    habit.ran("nas", 2.5, network(nas=4.0))
    assert habit.work == 10.0
    habit.carried(30.0)
    assert side(habit, network(nas=4.0)) == "AA"
    for _ in range(8):
        habit.carried(0.2)
    costs = habit.costs("laptop", "nas", network(nas=4.0))
    assert abs(costs.there - (2.5 + 0.31 + START + 3 * TRIP)) < 0.02


def test_sides_follow_phases_and_do_not_flap() -> None:
    """The laptop is idle at first, then busy for long, then the other host is far slower."""
    habit, now = learned(10.0), iter(range(0, 100_000, 10))
    idle, busy, slow = network(), network(load=3.0), network(nas=0.5)
    assert side(habit, idle, next(now)) == "AA"
    seen = [side(habit, busy, next(now)) for _ in range(5)]
    assert seen == ["AB"] * 5  # three times as fast: at once
    quick = [side(habit, slow if n % 2 else busy, next(now)) for n in range(40)]
    assert quick == ["AB"] * 40
    assert side(habit, idle, next(now)) == "AB"  # it would gain too little
    assert [side(habit, slow, next(now)) for _ in range(3)] == ["AB", "AB", "AA"]
    # It went to and fro within ten minutes: from now on it takes twice as many runs.
    assert [side(habit, busy, next(now)) for _ in range(6)] == ["AA"] * 5 + ["AB"]


def test_of_several_copies_the_nearest_is_left_only_for_a_gain() -> None:
    habit = learned(10.0)
    others = ["nas", "desk"]
    assert habit.nearest("laptop", others, network(nas=4.0, desk=2.0)) == "nas"
    assert habit.nearest("laptop", others, network(nas=4.0, desk=4.5)) == "nas"
    assert habit.nearest("laptop", others, network(nas=4.0, desk=8.0)) == "desk"
    assert habit.nearest("laptop", ["nas"], network(nas=4.0, desk=8.0)) == "nas"
    # Of equals it is the first: the main store.
    assert learned(10.0).nearest("laptop", ["desk", "nas"], network()) == "desk"


@given(
    st.lists(st.floats(0, 1e5), max_size=8),
    st.lists(st.floats(0, 1e4), max_size=8),
    st.floats(0.1, 100),
    st.floats(0, 2),
    st.floats(0, 100),
    st.integers(0, 10**6),
)
def test_costs_are_never_negative_and_the_best_is_the_least(
    works: list[float], carried: list[float], nas: float, trip: float, load: float, changes: int
) -> None:
    habit, at = TreeHabit(), network(nas, trip, load)
    for each in works:
        habit.ran("nas", each, at)
    for each in carried:
        habit.carried(each)
    costs = habit.costs("laptop", "nas", at, changes)
    assert costs.here > 0
    assert costs.there > START
    assert costs.rows[0].total == min(row.total for row in costs.rows)
    choice = habit.choose("laptop", "nas", at, 0.0, changes)
    assert choice.there == (costs.there < costs.here)
