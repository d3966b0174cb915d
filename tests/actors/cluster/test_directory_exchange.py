"""Exchanges on a simulated network: whatever got lost, comparing makes up for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.cluster.directory_exchange import (
    Compare,
    Exchange,
    Facts,
    Lacking,
    Message,
    Tell,
)
from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Form, Key
from simulacra.actors.cluster.replica import Replica
from simulacra.testing import Link, SimulatedNetwork, SimulatedNode
from tests.actors.cluster.replicas import NOW, Known, pull, replica, replicas, say, shown
from tests.support import examples

EXAMPLES = examples(12, many=150)
EVERY = 10.0


@dataclass(frozen=True)
class Say:
    """Say something."""

    key: Key
    form: Form


class Host:
    """A machine around an exchange, that compares now and then."""

    def __init__(self, here: Replica, neighbours: str, chance: Random) -> None:
        self.replica = here
        self.exchange = Exchange(here.origin.host, here)
        self.neighbours = neighbours
        self.chance = chance
        self.next = chance.uniform(0, EVERY)

    def step(self, event: Message | Say | None, now: float) -> list[Tell]:
        wall = NOW + int(now * 1000)
        if event is None:
            self.next = now + EVERY
            return self.exchange.compare(self.chance.choice(self.neighbours))
        if isinstance(event, Say):
            said = self.replica.say(event.key, event.form, "1", wall)
            return self.exchange.push(said.news, self.neighbours)
        return self.exchange.hear(event, self.neighbours, wall).tells

    def deadline(self) -> float:
        return self.next


class World:
    """Six hosts, each connected to two others."""

    def __init__(self, chance: Random, link: Link) -> None:
        names = "abcdef"
        self.trust = Known(names)
        self.tells = 0
        self.hosts: dict[str, Host] = {}
        for at, name in enumerate(names):
            near = names[at - 1] + names[(at + 1) % len(names)]
            self.hosts[name] = Host(replica(name, self.trust, life=1), near, chance)
        self.network: SimulatedNetwork[Message | Say | None, Tell] = SimulatedNetwork(
            perform=self._perform,
            arrived=lambda _, message: message,
            tick=None,
            seed=chance,
            link=link,
        )
        for name in names:
            self.network.add(name, lambda node: self.hosts[node.name])

    def _perform(self, node: SimulatedNode[Message | Say | None, Tell], tell: Tell) -> None:
        self.tells += 1
        node.send(*tell)

    def settle(self) -> None:
        def same() -> bool:
            return len({host.replica.logs.digest for host in self.hosts.values()}) == 1

        self.network.clock.run_until(same, within=3600)


BAD = Link(delay=(0.001, 30.0), loss=0.3, duplication=0.3)
said = st.builds(
    Say,
    st.builds(Key, st.just("service"), st.just(""), st.sampled_from("xyz")),
    st.sampled_from([Form.VALUE, Form.DELETED]),
)


@settings(max_examples=EXAMPLES)
@given(
    st.randoms(use_true_random=False),
    st.lists(st.tuples(st.sampled_from("abcdef"), said, st.booleans()), max_size=12),
)
def test_all_agree_on_a_network_that_loses_doubles_and_splits(
    chance: Random, events: list[tuple[str, Say, bool]]
) -> None:
    world = World(chance, BAD)
    for host, event, is_split in events:
        world.network.split("abc", "def") if is_split else world.network.heal()
        world.network.nodes[host].step(event)
        world.network.clock.advance(1.0)
    world.network.heal()
    world.settle()
    first, *others = (shown(host.replica) for host in world.hosts.values())
    assert all(each == first for each in others)


def test_without_loss_a_change_is_everywhere_in_as_many_hops_as_there_are() -> None:
    world = World(Random(1), Link(delay=(0.01, 0.01)))
    world.network.nodes["a"].step(Say(Key("service", "", "web"), Form.VALUE))
    world.network.clock.advance(0.031)
    assert all(shown(host.replica) for host in world.hosts.values())
    assert world.tells <= 2 * len(world.hosts)


def test_who_holds_the_same_says_nothing() -> None:
    a, b = replicas("ab")
    say(a, Key("service", "", "web"), 1)
    pull(b, a)
    [(to, question)] = Exchange("a", a).compare(["b"])
    assert to == "b"
    assert Exchange("b", b).hear(question, ["a"], NOW).tells == []


def test_what_came_by_comparing_is_not_pushed_on_but_compared() -> None:
    a, b = replicas("ab")
    say(a, Key("service", "", "web"), 1)
    [(_, answer)] = Exchange("a", a)._facts_for("b", b.logs.marks([a.origin]))
    tells = Exchange("b", b).hear(answer, ["a", "c", "d"], NOW).tells
    assert [(to, type(message)) for to, message in tells] == [("c", Compare), ("d", Compare)]


def test_what_is_new_is_pushed_on_and_not_back() -> None:
    a, b = replicas("ab")
    [part] = say(a, Key("service", "", "web"), 1).news
    message = Facts("a", [part.to_plain()], fresh=True)
    exchange = Exchange("b", b)
    tells = exchange.hear(message, ["a", "c"], NOW).tells
    assert [(to, type(told)) for to, told in tells] == [("c", Facts)]
    assert exchange.hear(message, ["a", "c"], NOW).tells == []


def test_a_gap_is_asked_for() -> None:
    a, b = replicas("ab")
    say(a, Key("service", "", "web"), 1)
    [part] = say(a, Key("service", "", "web"), 2).news
    tells = Exchange("b", b).hear(Facts("a", [part.to_plain()], fresh=True), ["a"], NOW).tells
    [(to, asked)] = tells
    assert (to, asked) == ("a", Lacking("b", [[*a.origin, 0, 0]]))
    [(_, answer)] = Exchange("a", a).hear(asked, ["b"], NOW).tells
    assert Exchange("b", b).hear(answer, ["a"], NOW).outcome.facts
    assert b.logs.digest == a.logs.digest


@pytest.mark.parametrize(
    "message",
    [
        lambda part: Facts("a", [part.to_plain(), [1]], fresh=True),
        lambda _: Lacking("a", [[1]]),
    ],
)
def test_of_a_damaged_message_nothing_is_taken(message: Callable[..., Message]) -> None:
    a, b = replicas("ab")
    [part] = say(a, Key("service", "", "web"), 1).news
    with pytest.raises(FactError):
        Exchange("b", b).hear(message(part), ["a"], NOW)
    assert not b.logs.vector
