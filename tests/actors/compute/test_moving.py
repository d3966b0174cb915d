from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.compute import moves as m
from simulacra.actors.compute.moving import Patience, Repeating, why_not
from simulacra.testing import Link
from tests.actors.compute.movers import World
from tests.support import examples

EXAMPLES = examples(60, many=400)
OURS = m.Software("3.11", "x86_64")

seconds = st.floats(min_value=0, max_value=20)
hosts = st.sampled_from("abc")
links = st.builds(
    Link,
    delay=st.sampled_from([(0.001, 0.01), (0.0, 3.0)]),
    loss=st.sampled_from([0, 0.2, 0.5]),
    duplication=st.sampled_from([0, 0.3]),
)


@dataclass(frozen=True)
class Plan:
    """What happens when, in seconds; crashes and splits say for how long."""

    departs: list[tuple[float, str]]
    crashes: list[tuple[float, str, float]]
    splits: list[tuple[float, str, float]]
    disk_fails: float


plans = st.builds(
    Plan,
    departs=st.lists(st.tuples(seconds, hosts), min_size=2, max_size=6),
    crashes=st.lists(st.tuples(seconds, hosts, st.floats(min_value=0.01, max_value=8)), max_size=5),
    splits=st.lists(st.tuples(seconds, hosts, st.floats(min_value=0.1, max_value=8)), max_size=2),
    disk_fails=st.sampled_from([0, 0.1]),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), links, plans)
def test_at_most_one_place_runs_it_and_never_none_for_ever(
    seed: int, link: Link, plan: Plan
) -> None:
    world = World(seed, link)
    world.disk_fails = plan.disk_fails
    clock = world.network.clock
    for when, target in plan.departs:
        clock.call_at(when, partial(world.depart, target))
    for when, host, back_after in plan.crashes:
        clock.call_at(when, partial(world.crash, host, back_after))
    for when, host, healed_after in plan.splits:
        clock.call_at(when, partial(world.network.split, [host]))
        clock.call_at(when + healed_after, world.network.heal)
    clock.run_to(30)
    clock.run_until(world.at_rest, within=3600)


def test_a_move_on_a_good_network_succeeds() -> None:
    world = World()
    world.depart("b")
    world.network.clock.run_until(lambda: bool(world.done), within=10)
    assert world.done == [m.MoveDone("b", 1)]
    assert world.running == {"b": 1}


@pytest.mark.parametrize("back_after", [0.001, 0.3, 100])
@pytest.mark.parametrize("host", ["a", "b"])
def test_either_side_may_be_killed_after_any_command(host: str, back_after: float) -> None:
    outcomes = set()
    for step in range(1, 30):
        world = World(kill=(host, step, back_after))
        world.depart("b")
        world.network.clock.advance(1)
        world.network.clock.run_until(world.at_rest, within=3600)
        outcomes |= set(world.running.items())
    assert {("b", 1)} <= outcomes <= {("a", 0), ("b", 1)}


def test_a_source_lost_in_doubt_leaves_the_target_inert() -> None:
    world = World()
    world.depart("b")
    clock = world.network.clock
    clock.run_until(lambda: world.movers["b"].arrival.state.value == "inert", within=10)
    world.crash("a", 10_000)
    clock.advance(9_000)
    assert world.running == {}
    clock.run_until(world.at_rest, within=3600)


def test_a_second_attempt_does_not_take_the_first_ones_snapshot() -> None:
    world = World()
    world.depart("b")
    clock = world.network.clock
    clock.run_until(lambda: world.movers["b"].arrival.state.value == "inert", within=10)
    world.network.split(["a"])
    world.crash("a", 0.01)  # and what it says then, to discard, is lost
    clock.advance(0.1)
    world.network.heal()
    world.depart("b")
    clock.run_until(world.at_rest, within=10)
    assert world.running == {"b": 2}


def test_back_and_forth_and_round() -> None:
    world = World()
    for target in "babcab":
        world.depart(target)
        world.network.clock.advance(5)
        assert list(world.running) == [target]


@pytest.mark.parametrize(
    ("target", "plain", "moves"),
    [
        (OURS, False, True),
        (m.Software("3.12", "x86_64"), True, True),
        (m.Software("3.12", "x86_64"), None, True),
        (m.Software("3.12", "x86_64"), False, False),
        (m.Software("3.11", "aarch64"), False, False),
    ],
)
def test_only_plain_data_moves_to_another_python(
    target: m.Software, plain: bool | None, moves: bool
) -> None:
    problem = why_not(OURS, target, plain=plain)
    assert (problem is None) == moves
    assert moves or (problem is not None and target.python in problem)


def test_repeating_doubles_up_to_a_limit() -> None:
    repeating = Repeating(Patience(repeat=1, repeat_limit=3))
    repeating.begin(0)
    dues = [repeating.due]
    for _ in range(3):
        repeating.again(0, doubling=True)
        dues.append(repeating.due)
    assert dues == [1, 2, 3, 3]
    repeating.stop()
    assert repeating.due is None
