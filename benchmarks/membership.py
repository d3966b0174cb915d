"""`python -m benchmarks.membership`: networks of up to 1,000 hosts in one process, in virtual time.

The machines are those that run in the node; links take 1 to 20 ms one way and lose what the row
says. A message that is lost is lost: nothing stands for TCP, which would repeat it.

**Bytes.** Each packet is packed by the node's own codec. To that come 30 bytes for the frame's
header, 2 for ZMTP's, 33 for CURVE, 52 for TCP/IP, and 52 for the TCP acknowledgement that the
receiver sends. The signs of life of the connections themselves (one a second to each neighbour) are
a column of their own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from simulacra.actors.cluster import packets as p
from simulacra.actors.cluster.members import Member, State
from simulacra.actors.cluster.swim import Swim
from simulacra.actors.cluster.swim_events import Arrived, Command, Declare, Event, Send, Tick
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.view import Changed
from simulacra.actors.runtime import ActorSystem
from simulacra.actors.runtime.codec import Codec
from simulacra.testing import Link, SimulatedNetwork, SimulatedNode

SIZES = (5, 50, 255, 1000)
DELAY = (0.001, 0.020)
_HEADERS = 30 + 2 + 33 + 52
_TCP_ACK = 52


class Simulation:
    """Some hosts that know one another from the start."""

    def __init__(self, hosts: int, *, loss: float = 0.0, seed: int = 1) -> None:
        self.settings = Settings()
        self.network: SimulatedNetwork[Event, Command] = SimulatedNetwork(
            perform=self._perform,
            arrived=lambda _, packet: Arrived(packet),
            tick=Tick(),
            seed=seed,
            link=Link(delay=DELAY, loss=loss),
        )
        self.clock = self.network.clock
        self.random = self.network.random
        self.changes: list[tuple[float, str, Changed]] = []
        self.bytes: dict[str, int] | None = None
        self._codec = Codec(ActorSystem("nobody").ref)
        key = "k" * 40
        self._known = [
            Member(f"host-{number:04}", key, f"192.168.{number // 250}.{number % 250}:7400", 1,
                   State.UP)
            for number in range(hosts)
        ]  # fmt: skip
        self.names = [member.host for member in self._known]
        self._member = {member.host: member for member in self._known}
        for name in self.names:
            self.network.add(name, self._boot)

    def _boot(self, node: SimulatedNode[Event, Command]) -> Swim:
        random = Random(self.random.getrandbits(32))
        swim = Swim(self._member[node.name], random=random, settings=self.settings)
        for member in self._known:
            if member.host != node.name:
                swim.view.table.put(member, 0.0)
                swim.view.rings.add(member.host)
        swim.view.turned = True
        swim.step(Tick(), 0.0)
        return swim

    def _perform(self, node: SimulatedNode[Event, Command], command: Command) -> None:
        match command:
            case Send(host, packet):
                if self.bytes is not None:
                    self._weigh(node.name, host, packet)
                node.send(host, packet)
            case Changed():
                self.changes.append((self.clock.now, node.name, command))

    def _weigh(self, sender: str, receiver: str, packet: p.Packet) -> None:
        assert self.bytes is not None
        packed, _ = self._codec.pack([0, "membership"], packet)
        self.bytes[sender] = self.bytes.get(sender, 0) + len(packed) + _HEADERS
        self.bytes[receiver] = self.bytes.get(receiver, 0) + _TCP_ACK

    # -- figures

    def bytes_at_rest(self, seconds: float = 10.0) -> tuple[float, float]:
        """Bytes sent a second by the mean host, and by the busiest."""
        self.clock.advance(5)
        self.bytes = dict.fromkeys(self.names, 0)
        self.clock.advance(seconds)
        counts, self.bytes = self.bytes, None
        return sum(counts.values()) / len(counts) / seconds, max(counts.values()) / seconds

    def signs_of_life(self) -> float:
        """Bytes sent a second by the mean host's connections for themselves."""
        neighbours = min(2 * self.settings.rings, len(self.names) - 1)
        return neighbours * (_HEADERS + _TCP_ACK)

    def losses(self, count: int) -> tuple[list[float], list[float]]:
        """Seconds from a crash until the first host held it to be down, and until all did."""
        self.clock.advance(3)
        crashed = self.random.sample(self.names, count)
        when: dict[str, float] = {}
        for name in crashed:
            self.clock.advance(self.random.uniform(0.5, 1.0))
            when[name] = self.clock.now
            self.network.nodes[name].crash()
        self.clock.advance(20)
        found: dict[str, list[float]] = {name: [] for name in crashed}
        for at, viewer, change in self.changes:
            if change.new is State.DOWN and self.network.nodes[viewer].up:
                found[change.host].append(at - when[change.host])
        alive = len(self.names) - count
        assert all(len(times) == alive for times in found.values()), "a loss was not found by all"
        return [min(times) for times in found.values()], [max(times) for times in found.values()]

    def false_alarms(self, seconds: float) -> tuple[int, int]:
        """How many suspicions there were, and how many hosts were held to be down, of live ones."""
        before = len(self.changes)
        self.clock.advance(seconds)
        after = [change for _, _, change in self.changes[before:]]
        named = {
            state: {(c.host, c.reason) for c in after if c.new is state}
            for state in (State.SUSPECT, State.DOWN)
        }
        return len(named[State.SUSPECT]), len(named[State.DOWN])

    def convergence(self, count: int) -> list[float]:
        """Seconds until all others knew what a host said of itself."""
        self.clock.advance(3)
        took = []
        for name in self.random.choices(self.names, k=count):
            before, began = len(self.changes), self.clock.now
            self.network.nodes[name].step(Declare(State.DETACHED))
            self.clock.advance(3)
            news = [at for at, _, c in self.changes[before:] if c.new is State.DETACHED]
            took.append(max(news) - began)
            self.network.nodes[name].step(Declare(State.UP))
            self.clock.advance(3)
        return took


def percentile(values: Iterable[float], share: float) -> float:
    """The value that ``share`` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True)
class Effort:
    """How much of each figure is measured in a network of a size."""

    losses: int
    runs: int
    seconds: float
    news: int


EFFORT = {
    5: Effort(1, 200, 600, 20),
    50: Effort(10, 20, 60, 10),
    255: Effort(25, 3, 20, 3),
    1000: Effort(30, 1, 10, 2),
}


def losses(hosts: int, runs: int | None = None) -> tuple[list[float], list[float]]:
    """Times to find losses in some networks of one size (see `Simulation.losses`)."""
    effort = EFFORT[hosts]
    first: list[float] = []
    everybody: list[float] = []
    for seed in range(runs or effort.runs):
        some, others = Simulation(hosts, seed=seed).losses(effort.losses)
        first += some
        everybody += others
    return first, everybody


def row(hosts: int) -> str:
    """One size's line of the table."""
    effort = EFFORT[hosts]
    first, everybody = losses(hosts)
    alarms = [Simulation(hosts, loss=loss).false_alarms(effort.seconds) for loss in (0.01, 0.05)]
    news = Simulation(hosts).convergence(effort.news)
    simulation = Simulation(hosts)
    mean, busiest = simulation.bytes_at_rest()
    hours = hosts * effort.seconds / 3600
    cells = [
        f"{hosts:,}",
        *(f"{percentile(first, share):.2f}" for share in (0.5, 0.99)),
        *(f"{percentile(everybody, share):.2f}" for share in (0.5, 0.99)),
        *(f"{suspected / hours:.2f} / {down}" for suspected, down in alarms),
        f"{percentile(news, 0.5):.2f} / {max(news):.2f}",
        f"{mean:,.0f} / {busiest:,.0f}",
        f"{simulation.signs_of_life():,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Prints the table, a line as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.membership", description=__doc__)
    parser.add_argument("--hosts", type=int, choices=SIZES, help="of one size only")
    options = parser.parse_args()
    print(
        "| hosts | first holds it down, s: p50 | p99 | all do: p50 | p99 "
        "| 1% loss: suspicions a host and hour / downs | 5% | news to all, s: p50 / max "
        "| bytes/s at rest: mean / busiest | connections' own |"
    )
    print("| ---: " * 10 + "|")
    for hosts in (options.hosts,) if options.hosts else SIZES:
        began = time.perf_counter()
        line = row(hosts)
        print(f"{line} <!-- {time.perf_counter() - began:.0f} s -->", flush=True)


if __name__ == "__main__":
    main()
