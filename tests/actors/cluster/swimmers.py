"""A small world for membership: hosts that crash, freeze, part, hear but are not heard.

A `Host` is what stands between the machine and the network: it may be stopped (events wait for it),
have a clock that jumps, and writes its incarnation down if it has a disk.
"""

from __future__ import annotations

from random import Random

from simulacra.actors.cluster import packets as p
from simulacra.actors.cluster.members import Member, State
from simulacra.actors.cluster.swim import Swim
from simulacra.actors.cluster.swim_events import Arrived, Command, Declare, Event, Met, Send, Tick
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.view import Changed, Remember
from simulacra.testing import Link, SimulatedNetwork, SimulatedNode

LAN = Link(delay=(0.0005, 0.005))


def record(host: str, incarnation: int = 0, state: State = State.UP) -> Member:
    """What hosts of these tests say of themselves."""
    return Member(host, f"key-of-{host}", f"{host}:7400", incarnation, state)


class Host:
    """A machine with a clock of its own, that may be stopped."""

    def __init__(self, swim: Swim, skew: float) -> None:
        self.swim = swim
        self.skew = skew
        self.stopped = False
        self.waiting: list[Event] = []

    def step(self, event: Event, now: float) -> list[Command]:
        if self.stopped:
            self.waiting.append(event)
            return []
        return self.swim.step(event, now + self.skew)

    def deadline(self) -> float | None:
        due = self.swim.deadline()
        return None if self.stopped or due is None else due - self.skew


class World:
    """Hosts ``h0`` and up that join at ``h0``.

    Args:
        count: how many.
        settings: theirs.
        disk: whether incarnations outlive a crash.
    """

    def __init__(
        self,
        count: int,
        *,
        seed: int | Random = 0,
        link: Link = LAN,
        settings: Settings | None = None,
        disk: bool = True,
        meet: bool = True,
    ) -> None:
        self.settings = settings or Settings()
        self.disk = disk
        self.network: SimulatedNetwork[Event, Command] = SimulatedNetwork(
            perform=self.perform,
            arrived=lambda _, packet: Arrived(packet),
            tick=Tick(),
            seed=seed,
            link=link,
        )
        self.clock = self.network.clock
        self.hosts: dict[str, Host] = {}
        self.changes: list[tuple[float, str, Changed]] = []
        self.declared: dict[str, State] = {}
        self.names = [f"h{number}" for number in range(count)]
        for name in self.names:
            self.network.add(name, self.boot)
        if meet:
            for name in self.names[1:]:
                self.meet(name, "h0")

    def boot(self, node: SimulatedNode[Event, Command]) -> Host:
        incarnation = max(node.disk, default=0) + 1 if self.disk else 0
        contacts = [record(name) for name in self.names]
        swim = Swim(
            record(node.name, incarnation),
            random=Random(self.network.random.getrandbits(32)),
            settings=self.settings,
            contacts=contacts,
            now=self.clock.now,
        )
        host = self.hosts[node.name] = Host(swim, 0.0)
        self.declared[node.name] = State.UP
        return host

    def perform(self, node: SimulatedNode[Event, Command], command: Command) -> None:
        match command:
            case Send(host, packet):
                node.send(host, packet)
            case Remember(incarnation):
                node.disk.append(incarnation)
            case Changed():
                self.changes.append((self.clock.now, node.name, command))

    # -- what happens

    def meet(self, one: str, other: str) -> None:
        """The transport connects two hosts."""
        for here, there in ((one, other), (other, one)):
            self.network.nodes[here].step(Met(there, f"key-of-{there}", f"{there}:7400"))

    def crash(self, host: str) -> None:
        self.network.nodes[host].crash()

    def start(self, host: str) -> None:
        self.network.nodes[host].start()

    def stop(self, host: str) -> None:
        """As by SIGSTOP."""
        self.hosts[host].stopped = True

    def go_on(self, host: str) -> None:
        """As by SIGCONT: first what came meanwhile is read."""
        actor, node = self.hosts[host], self.network.nodes[host]
        actor.stopped = False
        waiting, actor.waiting = actor.waiting, []
        for event in waiting:
            node.step(event)
        node.step(Tick())

    def declare(self, host: str, state: State) -> None:
        if self.network.nodes[host].up:
            self.declared[host] = state
            self.network.nodes[host].step(Declare(state))

    def jump(self, host: str, seconds: float) -> None:
        """Set a host's clock forward or back."""
        self.hosts[host].skew += seconds
        self.network.nodes[host].step(Tick())

    def deafen(self, host: str) -> None:
        """From now on nothing reaches a host."""
        for other in self.names:
            self.network.connect(other, host, Link(loss=1.0))

    def silence(self, host: str) -> None:
        """From now on nothing that a host says arrives."""
        for other in self.names:
            self.network.connect(host, other, Link(loss=1.0))

    def mend(self, link: Link = LAN) -> None:
        """All connections are whole again."""
        self.network.heal()
        for one in self.names:
            for other in self.names:
                self.network.connect(one, other, link)

    # -- what holds

    def up(self) -> list[str]:
        return [name for name in self.names if self.network.nodes[name].up]

    def view(self, host: str) -> dict[str, State]:
        """How the hosts stand, as one sees them."""
        return {member.host: member.state for member in self.hosts[host].swim.members()}

    def truth(self, host: str) -> set[State | None]:
        """How a host stands: as it said. If it is dead, perhaps nobody heard that, or remembers."""
        said: set[State | None] = {self.declared[host]}
        if self.network.nodes[host].up:
            return said
        return (said - {State.UP}) | {State.DOWN, None}

    def lookers(self) -> list[str]:
        """Those whose view should be true: they are up, and take part."""
        return [
            name
            for name in self.names
            if self.network.nodes[name].up and self.declared[name] is State.UP
        ]

    def agree(self) -> bool:
        """Whether all hold the same, and it is the truth."""
        views = [self.view(name) for name in self.lookers()]
        return all(view == views[0] for view in views) and all(
            view.get(host) in self.truth(host) for view in views[:1] for host in self.names
        )

    def settle(self, within: float = 60.0) -> None:
        """Let time pass until all agree; looked at twenty times a second."""
        limit = self.clock.now + within
        while not self.agree():
            assert self.clock.now < limit, {name: self.view(name) for name in self.lookers()}
            self.clock.advance(0.05)

    def falls(self, host: str) -> list[float]:
        """When somebody came to hold a host to be down."""
        return [at for at, _, c in self.changes if c.host == host and c.new is State.DOWN]


def packets_of(commands: list[Command]) -> list[tuple[str, p.Packet]]:
    """What a step sent."""
    return [(c.host, c.packet) for c in commands if isinstance(c, Send)]
