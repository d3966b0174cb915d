"""A small world for mail: hosts that crash, computations that move, and what must hold after it.

A computation here writes down what it gets, answers asks, and now and then tells or asks others.
Moving is one step of the world (its protocol has its own tests): freeze, carry, and at one
moment the computation belongs to the target's disk and no more to the source's.
"""

from collections import deque
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from simulacra.actors.compute import letters as m
from simulacra.actors.compute.mail import Endpoint, State
from simulacra.actors.compute.streams import Limits
from simulacra.actors.compute.stub import forward, refuse
from simulacra.testing import Link, SimulatedNetwork, SimulatedNode

LIMITS = Limits(outbox=200, window=8, unread=4, parked=3)


@dataclass(frozen=True)
class For:
    """An event for one party of a host."""

    name: str
    event: m.Event


@dataclass(frozen=True)
class Work:
    """A party may take one delivery from its queue."""

    name: str


@dataclass(frozen=True)
class Did:
    """A command of one party of a host."""

    name: str
    command: m.Command


@dataclass
class Party:
    """A party's own state, and what was delivered to it."""

    log: dict[str, list[Any]] = field(default_factory=dict)
    told: int = 0
    answers: dict[str, list[Any]] = field(default_factory=dict)
    queue: deque[m.Deliver] = field(default_factory=deque)


class Host:
    """One host's mail: endpoints, stubs and a little work."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.endpoints: dict[str, Endpoint] = {}
        self.parties: dict[str, Party] = {}
        self.stubs: dict[str, m.Place] = {}

    def deadline(self) -> float | None:
        dues = [endpoint.deadline() for endpoint in self.endpoints.values()]
        return min((due for due in dues if due is not None), default=None)

    def step(self, event: object, now: float) -> list[Did]:
        match event:
            case For(name, inner) if name in self.endpoints:
                return [Did(name, c) for c in self.endpoints[name].step(inner, now)]
            case m.Tick():
                return [
                    Did(name, command)
                    for name, endpoint in self.endpoints.items()
                    for command in endpoint.step(event, now)
                ]
            case m.Arrived(packet):
                return self.arrive(packet, now)
            case Work(name) if name in self.parties:
                return self.work(name, now)
        return []

    def arrive(self, packet: m.Packet, now: float) -> list[Did]:
        if packet.to in self.endpoints:
            return self.step(For(packet.to, m.Arrived(packet)), now)
        stub = self.stubs.get(packet.to)
        sends = refuse(packet) if stub is None else forward(packet, stub)
        return [Did(packet.to, send) for send in sends]

    def work(self, name: str, now: float) -> list[Did]:
        party, endpoint = self.parties[name], self.endpoints[name]
        if endpoint.state is not State.RUNNING or not party.queue:
            return []
        delivery = party.queue.popleft()
        letter = delivery.letter
        party.log.setdefault(letter.sender, []).append(letter.body)
        events: list[m.Event] = [m.Consumed(delivery.serial)]
        if letter.kind == "ask":
            events.append(m.Reply(letter.sender, letter.request, ["answer", letter.body]))
        elif name in self.world.computations and len(party.log[letter.sender]) % 3 == 0:
            events += self.chatter(name, party, letter.sender)
        return [Did(name, c) for event in events for c in endpoint.step(event, now)]

    def chatter(self, name: str, party: Party, sender: str) -> list[m.Event]:
        party.told += 1
        request = f"{name}/{self.endpoints[name].place.life}/{party.told}"
        party.answers[request] = []
        other = next(other for other in self.world.computations if other != name)
        return [m.Tell("u", [name, party.told]), m.Ask(other, request, request, None)]


class World:
    """Hosts u and v write; a, b and c hold the computations x and y; `truth` says where."""

    def __init__(self, seed: int, link: Link) -> None:
        self.network: SimulatedNetwork[object, Did] = SimulatedNetwork(
            perform=self.perform, arrived=lambda _, packet: m.Arrived(packet), tick=m.Tick(),
            seed=seed, link=link,
        )  # fmt: skip
        self.random = self.network.random
        self.hosts: dict[str, Host] = {}
        self.computations = ["x", "y"]
        self.truth: dict[str, m.Place] = {}
        self.disks: dict[str, Any] = {}
        self.directory: dict[str, list[m.Place]] = {}
        self.lives = 0
        self.answers: dict[str, list[Any]] = {}
        self.asked: list[str] = []
        self.sent: dict[tuple[str, str], list[Any]] = {}
        self.crashes = 0
        for name in "uvabc":
            self.network.add(name, self.boot)
        for name in "uv":
            self.birth(name, m.Place(0, 0, name), durable=False)
        for name in self.computations:
            self.birth(name, m.Place(0, 0, "a"), durable=True)

    @property
    def now(self) -> float:
        return self.network.clock.now

    def node(self, host: str) -> SimulatedNode[object, Did]:
        return self.network.nodes[host]

    def birth(self, name: str, place: m.Place, *, durable: bool) -> None:
        host = self.hosts[place.host]
        host.endpoints[name] = Endpoint(name, place, durable=durable, limits=LIMITS)
        host.parties[name] = Party()
        self.truth[name] = place
        self.directory[name] = [place]
        self.save(name)

    def boot(self, node: SimulatedNode[object, Did]) -> Host:
        host = self.hosts[node.name] = Host(self, node.name)
        for name, place in self.truth.items():
            if place.host == node.name:
                self.lives += 1
                self.settle_in(name, m.Place(place.epoch, self.lives, place.host))
            elif name in self.computations:
                host.stubs[name] = place
        return host

    def settle_in(self, name: str, place: m.Place) -> None:
        """Go on from the disk, at a place."""
        host = self.hosts[place.host]
        party, snapshot = deepcopy(self.disks[name])
        host.stubs.pop(name, None)
        host.parties[name] = party
        host.endpoints[name] = Endpoint.restore(snapshot, now=self.now, durable=True, limits=LIMITS)
        self.truth[name] = place
        self.directory[name].append(place)
        self.node(place.host).after(0, For(name, m.Thaw(place)))

    def perform(self, node: SimulatedNode[object, Did], did: Did) -> None:
        host, name = self.hosts[node.name], did.name
        match did.command:
            case m.Send(target, packet):
                node.send(target, packet)
            case m.Locate(wanted):
                place = self.random.choice(self.directory[wanted][-2:])
                node.after(0.05, For(name, m.Located(wanted, place)))
            case m.Deliver() as delivery:
                host.parties[name].queue.append(delivery)
                node.after(self.random.uniform(0, 0.1), Work(name))
            case m.Answered(request, body):
                answers = self.answers if name in "uv" else host.parties[name].answers
                answers.setdefault(request, []).append(body)
            case m.CheckpointDue():
                self.save(name)
            case other:
                raise AssertionError(other)

    def write(self, name: str, event: m.Event) -> None:
        self.node(name).step(For(name, event))

    def image(self, name: str) -> Any:
        host = self.hosts[self.truth[name].host]
        party = deepcopy(host.parties[name])
        party.queue.clear()
        return party, deepcopy(host.endpoints[name].snapshot(self.now))

    def save(self, name: str) -> None:
        """Put a checkpoint on the disk; it is confirmed a moment later."""
        place = self.truth[name]
        host = self.hosts[place.host]
        if name in host.endpoints and host.endpoints[name].state is State.RUNNING:
            self.disks[name] = image = self.image(name)
            self.node(place.host).after(0.005, For(name, m.Saved(image[1]["in"]["mark"])))

    def move(self, name: str, target: str) -> None:
        """Begin a move; it takes a while, and either side may crash meanwhile."""
        place = self.truth[name]
        host = self.hosts[place.host]
        endpoint = host.endpoints.get(name)
        if target == place.host or endpoint is None or endpoint.state is not State.RUNNING:
            return
        self.node(place.host).step(For(name, m.Freeze()))
        image = self.image(name)
        delay = self.random.uniform(0, 0.5)
        self.network.clock.call_later(delay, lambda: self.commit(name, endpoint, target, image))

    def commit(self, name: str, endpoint: Endpoint, target: str, image: Any) -> None:
        place = self.truth[name]
        source = self.hosts[place.host]
        if source.endpoints.get(name) is not endpoint:
            return  # the source crashed meanwhile and goes on from its disk
        if not self.node(target).up:
            self.node(place.host).step(For(name, m.Thaw(place)))
            for _ in source.parties[name].queue:
                self.node(place.host).after(0.01, Work(name))
            return
        self.disks[name] = image
        del source.endpoints[name], source.parties[name]
        new = m.Place(place.epoch + 1, place.life, target)
        source.stubs[name] = new
        for packet in endpoint.parked:
            self.node(place.host).step(m.Arrived(packet))
        self.settle_in(name, new)

    def crash(self, host: str, back_after: float) -> None:
        if self.node(host).up:
            self.crashes += 1
            self.node(host).crash()
            self.hosts[host].endpoints.clear()
            self.network.clock.call_later(back_after, lambda: self.node(host).start())

    def party(self, name: str) -> Party:
        return self.hosts[self.truth[name].host].parties[name]
