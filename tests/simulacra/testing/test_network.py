"""An echo of numbers between nodes shows what the network does to mail."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.testing import Link, SimulatedNetwork, SimulatedNode


@dataclass(frozen=True)
class Heard:
    source: str
    value: int


@dataclass(frozen=True)
class Tick:
    pass


@dataclass(frozen=True)
class Kept:
    value: int


@dataclass(frozen=True)
class Keep:
    value: int


@dataclass
class Listener:
    """Writes down all it hears, when it hears it; its deadline comes once."""

    heard: list[int]
    alarm: float | None = None
    times: list[float] = field(default_factory=list)

    def step(self, event: object, now: float) -> list[Keep]:
        self.times.append(now)
        if isinstance(event, Heard):
            self.heard.append(event.value)
            return [Keep(event.value)]
        if isinstance(event, Tick):
            self.alarm = None
        return []

    def deadline(self) -> float | None:
        return self.alarm


class World:
    def __init__(self, *, seed: int = 0, link: Link | None = None) -> None:
        self.machines: dict[str, Listener] = {}
        self.network: SimulatedNetwork[object, Keep] = SimulatedNetwork(
            perform=self.perform, arrived=Heard, tick=Tick(), seed=seed, link=link
        )
        for name in "abc":
            self.network.add(name, self.boot)

    def boot(self, node: SimulatedNode[object, Keep]) -> Listener:
        self.machines[node.name] = Listener([])
        return self.machines[node.name]

    def perform(self, node: SimulatedNode[object, Keep], command: Keep) -> None:
        node.write(command.value, Kept(command.value))

    def say(self, count: int, target: str = "b") -> list[int]:
        for number in range(count):
            self.network.nodes["a"].send(target, number)
        self.network.clock.advance(10)
        return self.machines[target].heard


@given(st.integers())
def test_the_seed_repeats_a_schedule(seed: int) -> None:
    link = Link(delay=(0, 1), loss=0.3, duplication=0.3)
    assert World(seed=seed, link=link).say(20) == World(seed=seed, link=link).say(20)


@given(st.integers())
def test_a_fifo_link_keeps_the_order(seed: int) -> None:
    heard = World(seed=seed, link=Link(delay=(0, 1), duplication=0.5, fifo=True)).say(20)
    assert heard == sorted(heard)
    assert set(heard) == set(range(20))


def test_links_delay_lose_double_and_reorder() -> None:
    heard = World(link=Link(delay=(0, 1), loss=0.2, duplication=0.2)).say(100)
    assert heard != sorted(heard)
    assert len(set(heard)) < 100
    assert len(heard) > len(set(heard))


def test_one_way_may_be_worse_than_the_other() -> None:
    world = World()
    world.network.connect("a", "b", Link(loss=1))
    world.network.nodes["b"].send("a", 1)
    assert world.say(3) == []
    assert world.machines["a"].heard == [1]


def test_a_split_cuts_and_heals() -> None:
    world = World()
    world.network.split(["a"], ["b"])
    assert not world.network.reachable("a", "c")
    assert world.say(2) == []
    world.network.heal()
    assert len(world.say(2)) == 2


def test_a_crash_loses_all_but_the_disk() -> None:
    world = World()
    world.say(3)
    node = world.network.nodes["b"]
    node.after(1, Heard("timer", 99))
    node.crash()
    assert not node.up
    assert world.say(3) == world.machines["b"].heard
    node.start()
    world.network.clock.advance(10)
    assert node.up
    assert world.machines["b"].heard == []
    assert sorted(node.disk) == [0, 1, 2]


def test_a_crash_keeps_the_oldest_of_the_unconfirmed_writes() -> None:
    kept = set()
    for seed in range(30):
        node = World(seed=seed).network.nodes["a"]
        for value in (1, 2):
            node.write(value, Kept(value))
        node.crash()
        kept.add(tuple(node.disk))
    assert kept == {(), (1,), (1, 2)}


def test_a_deadline_steps_the_machine_with_the_tick() -> None:
    world = World()
    world.machines["a"].alarm = 4.0
    world.network.nodes["a"].step(Kept(0))
    world.network.clock.advance(10)
    assert world.machines["a"].times == [0, 4]


def test_a_name_is_taken_once() -> None:
    world = World()
    with pytest.raises(ValueError, match="node 'a' already"):
        world.network.add("a", world.boot)
