"""Whatever happens to some hosts, in the end all know who is there, and nobody was wronged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.testing import Link
from tests.actors.cluster.swimmers import World
from tests.support import examples

EXAMPLES = examples(12, many=300)
CHAOS = 10.0
PATIENT = Settings()

pytestmark = pytest.mark.timeout(max(120, EXAMPLES))  # many examples, and machines may be busy

seconds = st.floats(min_value=0, max_value=CHAOS)
hosts = st.integers(0, 4)


@dataclass(frozen=True)
class Crash:
    when: float
    host: int
    lasts: float


@dataclass(frozen=True)
class Stop:
    when: float
    host: int
    lasts: float


@dataclass(frozen=True)
class Split:
    when: float
    part: tuple[int, ...]


@dataclass(frozen=True)
class Heal:
    when: float


@dataclass(frozen=True)
class Deafen:
    when: float
    host: int


@dataclass(frozen=True)
class Silence:
    when: float
    host: int


@dataclass(frozen=True)
class Jump:
    when: float
    host: int
    seconds: float


@dataclass(frozen=True)
class Say:
    when: float
    host: int
    state: State
    back: bool


Happening = Crash | Stop | Split | Heal | Deafen | Silence | Jump | Say

away = st.floats(min_value=0.01, max_value=8)
crashes = st.builds(Crash, seconds, hosts, away)
stops = st.builds(Stop, seconds, hosts, away)
jumps = st.builds(Jump, seconds, hosts, st.sampled_from([-3600.0, -5.0, 0.4, 5.0, 86_400.0]))
splits = st.one_of(
    st.builds(Split, seconds, st.lists(hosts, min_size=1, max_size=3, unique=True).map(tuple)),
    st.builds(Heal, seconds),
)
one_way = st.one_of(st.builds(Deafen, seconds, hosts), st.builds(Silence, seconds, hosts))
partings = st.builds(
    Say,
    seconds,
    hosts,
    st.sampled_from([State.ASLEEP, State.DETACHED, State.LEFT]),
    st.booleans(),
)
links = st.builds(
    Link,
    delay=st.sampled_from([(0.001, 0.01), (0.01, 0.2)]),
    loss=st.sampled_from([0, 0.05, 0.3]),
    duplication=st.sampled_from([0, 0.3]),
)
sizes = st.integers(2, 5)


def play(world: World, link: Link, happenings: list[Happening]) -> None:
    """Let things happen for some seconds, then make everything whole again."""
    world.settle()
    world.mend(link)
    for happening in happenings:
        world.clock.call_later(happening.when, partial(happen, world, happening))
    world.clock.advance(CHAOS + 8.1)
    world.mend()
    for host in world.names:
        if world.hosts[host].stopped:
            world.go_on(host)


def happen(world: World, happening: Happening) -> None:
    clock, count = world.clock, len(world.names)
    match happening:
        case Heal():
            world.network.heal()
        case Split(_, part):
            world.network.split([name for number, name in enumerate(world.names) if number in part])
        case _:
            host = world.names[happening.host % count]
            match happening:
                case Crash(_, _, lasts):
                    world.crash(host)
                    clock.call_later(lasts, partial(come_back, world, host))
                case Stop(_, _, lasts):
                    world.stop(host)
                    clock.call_later(lasts, partial(world.go_on, host))
                case Deafen():
                    world.deafen(host)
                case Silence():
                    world.silence(host)
                case Jump(_, _, seconds):
                    world.jump(host, seconds)
                case Say(_, _, state, back):
                    say_goodbye(world, host, state, back=back)


def come_back(world: World, host: str) -> None:
    """Start again, unless the host had said that it would not."""
    if world.declared[host] is State.UP:
        world.start(host)


def say_goodbye(world: World, host: str, state: State, *, back: bool) -> None:
    """Say goodbye, if the host is there to say it; perhaps be up again later."""
    if world.hosts[host].stopped or world.declared[host] is not State.UP:
        return
    world.declare(host, state)
    if back and state is not State.LEFT and world.declared[host] is state:
        world.clock.call_later(3.0, partial(world.declare, host, State.UP))


def check(world: World) -> None:
    """In the end all agree, nobody says more, none that left was seen again, a crash is found."""
    world.settle(within=30)
    world.clock.advance(5)  # what was under way while all was not yet well
    world.settle(within=10)
    before = len(world.changes)
    world.clock.advance(10)
    assert [each for each in world.changes[before:] if each[1] in world.lookers()] == []
    assert [c for _, _, c in world.changes if c.old is State.LEFT and c.new is not None] == []
    lookers = world.lookers()
    if len(lookers) > 1:
        world.crash(lookers[-1])
        world.settle(within=worst(PATIENT))


def worst(settings: Settings) -> float:
    """Seconds to find the loss of a host that contradicted so often that all are patient."""
    wait = settings.answer * settings.patience + settings.helped
    return 1.1 * settings.interval + wait + settings.suspicion[1] * settings.patience + 1


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), sizes, links, st.lists(crashes | stops, max_size=4), st.booleans())
def test_crashes_and_stops(
    seed: int, count: int, link: Link, happenings: list[Happening], disk: bool
) -> None:
    world = World(count, seed=seed, disk=disk)
    play(world, link, happenings)
    check(world)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), sizes, links, st.lists(splits | one_way | crashes, max_size=5))
@example(0, 5, Link(), [Deafen(6.0, 2), Split(8.0, (0,))])  # one becomes a prober of a late suspect
def test_splits_and_one_way_splits(
    seed: int, count: int, link: Link, happenings: list[Happening]
) -> None:
    world = World(count, seed=seed)
    play(world, link, happenings)
    check(world)
    assert {host.swim.pauses for host in world.hosts.values()} == {0}  # nobody was stopped


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), sizes, links, st.lists(partings | jumps | splits, max_size=5))
def test_partings_and_clocks_that_jump(
    seed: int, count: int, link: Link, happenings: list[Happening]
) -> None:
    world = World(count, seed=seed)
    play(world, link, happenings)
    check(world)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.integers(0, 2**32),
    sizes,
    links,
    st.lists(st.one_of(crashes, stops, splits, one_way, partings, jumps), max_size=8),
    st.booleans(),
)
def test_everything_at_once(
    seed: int, count: int, link: Link, happenings: list[Happening], disk: bool
) -> None:
    world = World(count, seed=seed, disk=disk)
    play(world, link, happenings)
    check(world)
