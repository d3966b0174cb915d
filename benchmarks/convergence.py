"""How fast a change of the directory reaches all hosts, and what that costs, in a simulation.

``python -m benchmarks.convergence`` prints the table of docs/guide/directory.md. The hosts run the
directory's own `Exchange` and `Replica`; each is connected to its neighbours on three random rings.
A message takes 1 to 20 ms. In a split the hosts are cut into halves for ten minutes, and 25 things
are said on each side. What was verified by one host is not verified again by the others here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from random import Random
from unittest import mock

import msgpack

from simulacra.actors.cluster import taking
from simulacra.actors.cluster.counting import known_rules
from simulacra.actors.cluster.directory import Pace
from simulacra.actors.cluster.directory_exchange import Exchange, Message, Tell
from simulacra.actors.cluster.ed25519 import Signer, is_signed
from simulacra.actors.cluster.facts import Form, Key, Origin
from simulacra.actors.cluster.replica import Replica
from simulacra.testing import Link, SimulatedNetwork, SimulatedNode

SIZES = (5, 50, 255, 1000)
LOSSES = (0.0, 0.01, 0.05)
RINGS = 3
CHANGES = 20
EPOCH = 1_800_000_000
SPLIT = 600.0
PATIENCE = 600.0


class All:
    """Trusts everybody."""

    def __init__(self, names: Sequence[str]) -> None:
        self.signers = {name: Signer(name.encode().ljust(32, b".")) for name in names}

    def signing_key(self, origin: Origin) -> str | None:
        return self.signers[origin.host].key

    def is_member(self, _: Origin) -> bool:
        return True

    def is_owner(self, _: str) -> bool:
        return False


@dataclass(frozen=True)
class Say:
    """Say that a service is so."""

    name: str


@dataclass(frozen=True)
class Connected:
    """All neighbours are there again."""


@dataclass(frozen=True)
class Tick:
    """Time to compare."""


Event = Message | Say | Connected | Tick


class Host:
    """One host's directory, without a disk."""

    def __init__(self, name: str, neighbours: list[str], trust: All, chance: Random) -> None:
        signer = trust.signers[name]
        origin = Origin.of(name, signer.key, 1)
        self.replica = Replica(
            origin, "home", signer, known_rules(trust), new_life=lambda: 2, wall=0
        )
        self.exchange = Exchange(name, self.replica)
        self.neighbours = neighbours
        self.chance = chance
        self.next = chance.uniform(0, Pace().compare)

    def step(self, event: Event, now: float) -> list[Tell]:
        wall = int((EPOCH + now) * 1000)
        match event:
            case Tick():
                self.next = now + Pace().compare
                return self.exchange.compare([self.chance.choice(self.neighbours)])
            case Connected():
                return self.exchange.compare(self.neighbours)
            case Say(name):
                said = self.replica.say(Key("service", "", name), Form.VALUE, '"up"', wall)
                return self.exchange.push(said.news, self.neighbours)
            case _:
                return self.exchange.hear(event, self.neighbours, wall).tells

    def deadline(self) -> float:
        return self.next


class World:
    """Some hosts that are connected."""

    def __init__(self, size: int, loss: float) -> None:
        self.chance = Random(size)
        self.bytes = 0
        self.hosts: dict[str, Host] = {}
        self.network: SimulatedNetwork[Event, Tell] = SimulatedNetwork(
            perform=self._perform,
            arrived=lambda _, message: message,
            tick=Tick(),
            seed=size,
            link=Link(delay=(0.001, 0.02), loss=loss, fifo=True),
        )
        names = [f"h{number:03}" for number in range(size)]
        trust = All(names)
        neighbours = ring_neighbours(names, self.chance)
        for name in names:
            self.hosts[name] = Host(name, neighbours[name], trust, self.chance)
            self.network.add(name, lambda node: self.hosts[node.name])
        for number in range(3 * CHANGES):
            self.say(f"old{number}")
        self.settle()

    def _perform(self, node: SimulatedNode[Event, Tell], tell: Tell) -> None:
        to, message = tell
        self.bytes += len(msgpack.packb(asdict(message)))
        node.send(to, message)

    def say(self, name: str, among: Sequence[str] = ()) -> None:
        node = self.network.nodes[self.chance.choice(list(among) or list(self.hosts))]
        node.step(Say(name))

    def settle(self) -> float:
        """Seconds until all hold the same."""
        began = self.network.clock.now
        hosts = list(self.hosts.values())

        def same() -> bool:
            return all(host.replica.logs.digest == hosts[0].replica.logs.digest for host in hosts)

        self.network.clock.run_until(same, within=PATIENCE)
        return self.network.clock.now - began

    def delays(self, name: str) -> list[float]:
        """How long it takes until each of the others knows something that is said now, sorted."""
        key = Key("service", "", name)
        began = self.network.clock.now
        self.say(name)
        waiting = [host for host in self.hosts.values() if key not in host.replica.counting]
        found: list[float] = []

        def known() -> bool:
            there = [host for host in waiting if key in host.replica.counting]
            found.extend([self.network.clock.now - began] * len(there))
            waiting[:] = [host for host in waiting if key not in host.replica.counting]
            return not waiting

        self.network.clock.run_until(known, within=PATIENCE)
        return found

    def rest(self, seconds: float = 60.0) -> float:
        """Bytes that a host sends a second when nothing happens."""
        self.settle()
        before = self.bytes
        self.network.clock.advance(seconds)
        return (self.bytes - before) / seconds / len(self.hosts)

    def heal(self) -> float:
        """Seconds from the end of a split until all agree."""
        names = list(self.hosts)
        halves = names[::2], names[1::2]
        self.network.split(*halves)
        for number in range(25):
            for at, half in enumerate(halves):
                self.say(f"split{number}-{at}", half)
        self.network.clock.advance(SPLIT)
        self.network.heal()
        for node in self.network.nodes.values():
            node.step(Connected())
        return self.settle()


def ring_neighbours(names: Sequence[str], chance: Random) -> dict[str, list[str]]:
    """Who comes before and after each on some random rings."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for _ in range(RINGS):
        ring = chance.sample(names, len(names))
        for at, name in enumerate(ring):
            found[name] |= {ring[at - 1], ring[(at + 1) % len(ring)]}
    return {name: sorted(others - {name}) for name, others in found.items()}


def rows() -> Iterator[str]:
    """The table's rows."""
    for size in SIZES:
        for loss in LOSSES:
            world = World(size, loss)
            rest = world.rest()
            delays = sorted(each for at in range(CHANGES) for each in world.delays(f"new{at}"))
            before = world.bytes
            world.delays("last")
            cost = (world.bytes - before) / size
            figures = (delays[len(delays) // 2], delays[len(delays) * 99 // 100], delays[-1])
            told = " | ".join(f"{seconds:.3f}" for seconds in figures)
            heal = world.heal()
            yield f"| {size:,} | {loss:.0%} | {told} | {cost:,.0f} | {rest:,.0f} | {heal:.2f} |"


def main() -> None:
    """Print the table."""
    print("| hosts | loss | p50, s | p99, s | longest, s | bytes a host | at rest, B/s | heal, s |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with mock.patch.object(taking, "is_signed", cache(is_signed)):
        for row in rows():
            print(row)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
