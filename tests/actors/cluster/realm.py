"""A small realm for the focus: hosts with disks, an erring membership, clients, and what must hold.

Membership is another machine; here it is a detector that sees the truth late, and errs when told
to.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.election import Standing
from simulacra.actors.cluster.epochs import NO_EPOCH, Epoch
from simulacra.actors.cluster.journal import EMPTY, Base, Entry, Journal
from simulacra.actors.cluster.mastership import Mastership
from simulacra.actors.cluster.seat import Seat
from simulacra.testing import Link, SimulatedNetwork, SimulatedNode

PERFECT = Link()
DEAD = Link(loss=1.0)
NOTICE = (0.2, 3.0)
"""How long the detector takes to see a change."""


@dataclass(frozen=True)
class Order:
    """An order of a master, to a host that executes it."""

    epoch: Epoch


@dataclass
class Disk:
    """What a host has saved; `requests` are those that its records know."""

    life: str
    epoch: Epoch = NO_EPOCH
    base: Base = EMPTY
    entries: list[Entry] = field(default_factory=list)
    requests: set[str] = field(default_factory=set)

    def save(self, save: m.Save) -> None:
        if save.epoch is not None:
            assert save.epoch >= self.epoch
            self.epoch = save.epoch
        if save.base is not None:
            self.base, self.entries = save.base, []
            self.requests = {e[1] for e in save.base.state["elements"] if e[0] == "answers"}
        for entry in save.entries:
            self.entries.append(entry)
            if entry.request:
                assert entry.request not in self.requests, f"{entry.request} was applied twice"
                self.requests.add(entry.request)
            if entry.kind == "merge":
                adds = entry.body["difference"]["adds"]
                self.requests |= {key for table, key, *_ in adds if table == "answers"}

    def journal(self) -> Journal:
        return Journal(self.base, list(self.entries))


class Process:
    """A host's node: its machine, which may be stopped for a while, as by SIGSTOP."""

    def __init__(self, realm: "Realm", node: SimulatedNode[Any, m.Command]) -> None:
        self.realm = realm
        self.host = node.name
        self.stopped = False
        self.waiting: list[Any] = []
        disk = realm.disks[node.name]
        self.seat = Seat(
            node.name,
            disk.life,
            disk.journal(),
            lambda: realm.views[node.name],
            lambda: realm.standings[node.name],
            lambda: realm.now + realm.offsets[node.name],
            epoch=disk.epoch,
        )
        self.machine = Mastership(self.seat, realm.now)

    def deadline(self) -> float | None:
        return None if self.stopped else self.machine.deadline()

    def step(self, event: Any, now: float) -> list[m.Command]:
        if self.stopped:
            self.waiting.append(event)
            return []
        if isinstance(event, m.Arrived) and isinstance(event.message, Order):
            event = m.Admit(event.message.epoch, event.message.epoch)
        return self.machine.step(event, now)


class Realm:
    """See the module."""

    def __init__(self, hosts: str, seed: Any, link: Link = PERFECT) -> None:
        self.hosts = list(hosts)
        self.network: SimulatedNetwork[Any, m.Command] = SimulatedNetwork(
            perform=self.perform, arrived=m.Arrived, tick=m.Tick(), seed=seed, link=link
        )
        self.clock, self.random = self.network.clock, self.network.random
        self.disks = {host: Disk(f"{host}1") for host in hosts}
        self.views: dict[str, set[str]] = {host: set(hosts) for host in hosts}
        self.standings = {host: Standing(mains=host != "a") for host in hosts}
        self.offsets = dict.fromkeys(hosts, 0.0)
        self.noticing: set[tuple[str, str]] = set()
        self.one_way: set[tuple[str, str]] = set()
        self.processes: dict[str, Process] = {}
        self.fuses: dict[str, int] = {}
        self.lives = 1
        self.numbers = 0
        self.asked: dict[str, str] = {}
        self.outcomes: dict[str, list[m.Answered | m.GaveUp]] = defaultdict(list)
        self.holders: dict[str, set[str]] = defaultdict(set)
        self.lost_disks: dict[str, set[str]] = {}
        self.effects: dict[str, list[Epoch]] = defaultdict(list)
        self.acted: dict[Epoch, Process] = {}
        self.masters: dict[str, Epoch] = {}
        for host in hosts:
            self.network.add(host, self.boot)
        self.clock.call_later(0.25, self.detect)
        self.clock.call_later(0.4, self.order)

    @property
    def now(self) -> float:
        return self.clock.now

    # -- machinery

    def boot(self, node: SimulatedNode[Any, m.Command]) -> Process:
        process = self.processes[node.name] = Process(self, node)
        return process

    def perform(self, node: SimulatedNode[Any, m.Command], command: m.Command) -> None:
        fuse = self.fuses.get(node.name)
        if fuse is not None:
            self.fuses[node.name] = fuse - 1
            if fuse <= 0:
                self.crash(node.name)
                return
        match command:
            case m.Send(host, message):
                node.send(host, message)
            case m.Save():
                self.save(node.name, command)
            case m.Admitted(epoch, allowed, _):
                if allowed:
                    self.effects[node.name].append(epoch)
            case m.StartMaster(epoch):
                self.began(self.processes[node.name], epoch)
            case m.StopMaster():
                del self.masters[node.name]
            case _:
                self.outcome(command)

    def outcome(self, command: m.Command) -> None:
        if isinstance(command, m.Answered) and command.answer.copies > 1:
            assert len(self.holders[command.request]) > 1, "there is no second copy"
        if isinstance(command, m.Answered | m.GaveUp):
            self.outcomes[command.request].append(command)

    def save(self, host: str, save: m.Save) -> None:
        disk = self.disks[host]
        before = set(disk.requests)
        disk.save(save)
        for request in disk.requests - before:
            self.holders[request].add(disk.life)

    def began(self, process: Process, epoch: Epoch) -> None:
        """In an epoch acts one process of one host, and it is the host of the epoch."""
        assert epoch.host == process.host
        first = self.acted.setdefault(epoch, process)
        assert first is process or first.seat.life != process.seat.life
        self.masters[process.host] = epoch

    def detect(self) -> None:
        """Membership: the truth, late."""
        self.clock.call_later(0.25, self.detect)
        for observer in self.hosts:
            for other in self.hosts:
                pair = observer, other
                if pair in self.noticing or self.sees(*pair) == (other in self.views[observer]):
                    continue
                self.noticing.add(pair)
                self.clock.call_later(self.random.uniform(*NOTICE), partial(self.notice, pair))

    def sees(self, observer: str, other: str) -> bool:
        if observer == other:
            return True
        both = self.up(observer) and self.up(other) and not self.processes[other].stopped
        ways = {(observer, other), (other, observer)}
        return both and self.network.reachable(observer, other) and not ways & self.one_way

    def notice(self, pair: tuple[str, str]) -> None:
        self.noticing.discard(pair)
        self.tell(*pair, up=self.sees(*pair))

    def tell(self, observer: str, other: str, *, up: bool) -> None:
        (self.views[observer].add if up else self.views[observer].discard)(other)
        self.network.nodes[observer].step(m.MemberUp(other) if up else m.MemberDown(other))

    def order(self) -> None:
        """Every master gives an order to all hosts, twice a second."""
        self.clock.call_later(0.5, self.order)
        for host, process in self.processes.items():
            epoch = process.machine.acting
            if epoch is not None and self.up(host) and not process.stopped:
                for target in self.hosts:
                    self.network.carry(host, target, Order(epoch))

    def up(self, host: str) -> bool:
        return self.network.nodes[host].up

    # -- what happens

    def ask(self, host: str, kind: str, body: dict[str, Any], patience: float = 20.0) -> str:
        self.numbers += 1
        request = f"r{self.numbers}"
        if self.up(host) and not self.processes[host].stopped:
            self.asked[request] = self.disks[host].life + str(id(self.processes[host]))
            self.network.nodes[host].step(m.Request(request, kind, body, patience))
        return request

    def crash(self, host: str, *, disk: bool = True) -> None:
        if not self.up(host):
            return
        self.fuses.pop(host, None)
        self.masters.pop(host, None)
        self.network.nodes[host].crash()
        self.views[host] = {host}
        lost = self.disks[host].life + str(id(self.processes[host]))
        self.asked = {request: client for request, client in self.asked.items() if client != lost}
        if not disk:
            self.lives += 1
            self.lost_disks[self.disks[host].life] = set(self.disks[host].requests)
            self.disks[host] = Disk(f"{host}{self.lives}")
            self.effects.pop(host, None)

    def start(self, host: str) -> None:
        self.network.nodes[host].start()

    def stop(self, host: str) -> None:
        process = self.processes[host]
        process.stopped = True
        self.network.nodes[host]._arm()

    def go_on(self, host: str) -> None:
        process = self.processes[host]
        if process.stopped:
            process.stopped = False
            waiting, process.waiting = process.waiting, []
            for event in waiting:
                self.network.nodes[host].step(event)
            self.network.nodes[host].step(m.Tick())

    def cut(self, source: str, target: str) -> None:
        if source != target:
            self.one_way.add((source, target))
            self.network.connect(source, target, DEAD)

    def heal(self) -> None:
        self.network.heal()
        for source, target in self.one_way:
            self.network.connect(source, target, self.network._link)
        self.one_way.clear()

    def quiet(self, seconds: float = 60.0) -> None:
        """All is well for a while."""
        self.heal()
        self.fuses.clear()
        for source in self.hosts:
            for target in self.hosts:
                self.network.connect(source, target, PERFECT)
        for host in self.hosts:
            self.go_on(host)
            self.start(host)
        self.clock.advance(0.25 + NOTICE[1] + 5)
        assert len(self.acting()) <= 1, self.acting()
        self.clock.advance(seconds)

    def acting(self) -> list[Epoch]:
        machines = [p.machine for h, p in self.processes.items() if self.up(h) and not p.stopped]
        return [epoch for machine in machines if (epoch := machine.acting) is not None]

    # -- what must hold

    def check_agreed(self) -> None:
        """After quiet: one master, one journal, one epoch."""
        [epoch] = self.acting()
        for disk in self.disks.values():
            assert disk.epoch == epoch
        master = self.processes[epoch.host].seat.journal
        successors = set(self.successors())
        for host, process in self.processes.items():
            journal, read = process.seat.journal, self.disks[host].journal()
            assert (read.end, read.state, read.epoch) == (journal.end, journal.state, journal.epoch)
            if host in successors:
                assert journal.end == master.end
                assert journal.state == master.state
        assert self.masters == {epoch.host: epoch}

    def successors(self) -> tuple[str, ...]:
        [epoch] = self.acting()
        reign = self.processes[epoch.host].machine._reign
        assert reign is not None
        return reign._followers.successors()

    def check_requests(self) -> None:
        """Everyone who still lives got one outcome; what was acknowledged is there."""
        [epoch] = self.acting()
        journal = self.processes[epoch.host].seat.journal
        for request in self.asked:
            assert len(self.outcomes[request]) == 1, (request, self.outcomes[request])
        for request, outcomes in self.outcomes.items():
            assert len(outcomes) <= 1
            for outcome in outcomes:
                if isinstance(outcome, m.Answered) and outcome.answer.copies:
                    self.check_kept(request, outcome.answer, journal)

    def check_kept(self, request: str, answer: m.Answer, journal: Journal) -> None:
        kept = journal.answer(request)
        if kept is None:
            assert self.holders[request] <= self.lost_disks.keys(), f"{request} was lost"
        elif self.lost_disks.keys().isdisjoint(self.holders[request]):
            twice = len(journal.state.values("answers", request)) > 1
            assert twice or kept == (answer.granted, answer.value)

    def check_fenced(self) -> None:
        for effects in self.effects.values():
            assert all(before <= after for before, after in pairwise(effects))
