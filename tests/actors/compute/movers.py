"""A small world for moving: one computation, hosts that are killed, and who runs it when."""

from typing import Any

from simulacra.actors.compute import moves as m
from simulacra.actors.compute import records as r
from simulacra.actors.compute.arrival import Arrival, Arriving
from simulacra.actors.compute.departure import Departure, Leaving
from simulacra.actors.compute.letters import Tick
from simulacra.testing import Link, SimulatedNetwork, SimulatedNode

SOFTWARE = m.Software("3.11", "x86_64")
TO_SOURCE = (m.Accepted, m.Refused, m.Installed, m.Activated, m.InDoubt)


class Mover:
    """Both sides of moving on one host."""

    def __init__(self, name: str, standing: r.Standing) -> None:
        self.departure = Departure("x", name, SOFTWARE, standing)
        self.arrival = Arrival("x", SOFTWARE, standing)

    def deadline(self) -> float | None:
        dues = (self.departure.deadline(), self.arrival.deadline())
        return min((due for due in dues if due is not None), default=None)

    def step(self, event: Any, now: float) -> list[m.Command]:
        match event:
            case m.Heard(_, message):
                side = self.departure if isinstance(message, TO_SOURCE) else self.arrival
                return side.step(event, now)
            case m.Fetched() | m.FetchFailed():
                return self.arrival.step(event, now)
            case m.Written() | m.WriteFailed() | Tick() | m.Boot():
                return self.departure.step(event, now) + self.arrival.step(event, now)
        return self.departure.step(event, now)


class World:
    """Hosts a, b and c; the computation starts on a.

    Whenever a command is done, at most one host may run the computation, no epoch may be run by two
    hosts, and what begins after a move is what was frozen for it.
    """

    def __init__(
        self, seed: int = 0, link: Link | None = None, *, kill: tuple[str, int, float] | None = None
    ) -> None:
        self.network: SimulatedNetwork[Any, m.Command] = SimulatedNetwork(
            perform=self.perform, arrived=m.Heard, tick=Tick(), seed=seed, link=link
        )
        self.movers: dict[str, Mover] = {}
        self.running: dict[str, int] = {}
        self.ran: dict[int, str] = {}
        self.snapshots: dict[str, Any] = {}
        self.frozen: dict[int, Any] = {}
        self.done: list[m.Command] = []
        self.steps: dict[str, int] = {}
        self.expecting: set[str] = set()
        self.kill = kill
        self.disk_fails = 0.0
        for name in "abc":
            node = self.network.add(name, self.boot)
            if name == "a":
                node.disk.append(r.Active("x", 0))
                self.crash("a", 0)
        self.network.clock.advance(0.001)

    @property
    def random(self) -> Any:
        return self.network.random

    def boot(self, node: SimulatedNode[Any, m.Command]) -> Mover:
        self.movers[node.name] = Mover(node.name, r.Standing.of(node.disk))
        node.after(0, m.Boot())
        return self.movers[node.name]

    def crash(self, name: str, back_after: float) -> None:
        node = self.network.nodes[name]
        if node.up:
            node.crash()
            self.running.pop(name, None)
            self.expecting.discard(name)
            self.network.clock.call_later(back_after, node.start)

    def depart(self, target: str) -> None:
        for name in list(self.running):
            self.network.nodes[name].step(m.Depart(target))

    def perform(self, node: SimulatedNode[Any, m.Command], command: m.Command) -> None:
        self.do(node, command)
        assert len(self.running) <= 1, self.running
        self.steps[node.name] = self.steps.get(node.name, 0) + 1
        if self.kill is not None and self.kill[:2] == (node.name, self.steps[node.name]):
            self.crash(node.name, self.kill[2])

    def do(self, node: SimulatedNode[Any, m.Command], command: m.Command) -> None:
        match command:
            case m.Tell(host, message):
                node.send(host, message)
            case m.Write(record):
                self.write(node, record)
            case m.Freeze():
                snapshot = [node.name, self.random.random()]
                delay = self.random.uniform(0, 0.1)
                self.network.clock.call_later(delay, lambda: self.freeze(node, snapshot))
            case m.Resume():
                self.run(node.name, self.movers[node.name].departure.epoch)
            case m.Run(epoch, snapshot):
                assert snapshot == self.frozen.get(epoch)
                self.run(node.name, epoch)
                if self.movers[node.name].departure.state is not Leaving.RUNNING:
                    node.step(m.Began(epoch))
            case m.LeaveStub():
                assert node.name not in self.running
            case m.Fetch(source, epoch, snapshot):
                up = self.network.nodes[source].up and self.network.reachable(source, node.name)
                failed = m.FetchFailed(epoch, "the source does not answer")
                node.after(0.1, m.Fetched(epoch, snapshot) if up else failed)
            case m.MoveDone() | m.MoveFailed():
                self.done.append(command)
            case _:
                self.expect(node.name, command)

    def expect(self, name: str, command: m.Command) -> None:
        match command:
            case m.Expect():
                assert name not in self.expecting
                self.expecting.add(name)
            case m.ExpectNoMore() | m.Forget():
                self.expecting.discard(name)

    def write(self, node: SimulatedNode[Any, m.Command], record: r.Record) -> None:
        if self.random.random() < self.disk_fails:
            node.after(0.005, m.WriteFailed(record, "no space left on device"))
            return
        if isinstance(record, r.Committed):
            self.frozen[record.epoch] = self.snapshots[node.name]
        node.write(record, m.Written(record))

    def freeze(self, node: SimulatedNode[Any, m.Command], snapshot: Any) -> None:
        if self.running.pop(node.name, None) is not None:
            self.snapshots[node.name] = snapshot
            node.step(m.Frozen(snapshot, plain=True, size=100))

    def run(self, name: str, epoch: int) -> None:
        assert self.ran.setdefault(epoch, name) == name, f"epoch {epoch} ran on two hosts"
        self.running[name] = epoch
        self.expecting.discard(name)

    def at_rest(self) -> bool:
        """Whether one host runs it and no other is in the middle of anything."""
        return (
            len(self.running) == 1
            and not self.expecting
            and all(
                mover.departure.state in {Leaving.RUNNING, Leaving.LEFT, Leaving.ABSENT}
                and mover.arrival.state in {Arriving.ACTIVE, Arriving.ABSENT}
                and self.network.nodes[name].up
                for name, mover in self.movers.items()
            )
        )
