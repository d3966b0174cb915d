"""What the nodes tell each other of themselves: their facts, for placement and for people.

Every node's ``hosts`` actor tells the others its facts every two seconds, and measures the round
trip. The facts say also what the host measured of its routes, so that others know those between two
hosts that are not theirs. A table that any thread may read holds what was heard last; of nodes that
are not connected now it says nothing to placement.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import psutil

from simulacra.actors.cluster.capabilities import told_here
from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.placement import Host, Network, Route
from simulacra.actors.compute.services import THIS_SOFTWARE
from simulacra.actors.compute.speed import measured_speed
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.wire_types import register

HOSTS: Final = "hosts"
EVERY: Final = 2.0
_FRESH: Final = 10.0
_DEFAULT_BANDWIDTH: Final = 12.5e6
_DEFAULT_TRIP: Final = 0.01
_TRIPS: Final = 10


@register("hosts.route")
@dataclass(frozen=True, slots=True)
class Measured:
    """A route, as the host at its one end measured it.

    Attributes:
        round_trip: seconds there and back.
        age: how many seconds ago that was measured.
        bandwidth: bytes a second of the last large transfer; None before one.
        bandwidth_age: how many seconds ago that was.
    """

    round_trip: float
    age: float
    bandwidth: float | None = None
    bandwidth_age: float | None = None

    def later(self, seconds: float) -> Measured:
        """The same, so many seconds later."""
        rate_age = None if self.bandwidth_age is None else self.bandwidth_age + seconds
        return replace(self, age=self.age + seconds, bandwidth_age=rate_age)

    def route(self, back: Measured | None) -> Route:
        """It as placement reckons with it; of ``back``, the other way, where that knows more."""
        rate = self.bandwidth or (back.bandwidth if back is not None else None)
        return Route(self.round_trip, rate or _DEFAULT_BANDWIDTH)


@register("hosts.facts")
@dataclass(frozen=True, slots=True)
class Facts:
    """A host, as its node sees it.

    Attributes:
        host: its name.
        python: minor version, ``3.11``.
        machine: architecture.
        cores: processors.
        load: how many want one, over the last minute.
        memory_total: bytes.
        memory_free: bytes that could be had.
        version: of Simulacra.
        clock: seconds since the epoch when this was said.
        speed: of one core, relative to a reference core (see `speed`).
        labels: what the host was marked with.
        capabilities: what it is able to do, as `needs.Capabilities.of` reads it.
        routes: to other hosts, as this one measured them.
    """

    host: str
    python: str
    machine: str
    cores: int
    load: float
    memory_total: int
    memory_free: int
    version: str
    clock: float
    speed: float = 1.0
    labels: tuple[str, ...] = ()
    routes: dict[str, Measured] = field(default_factory=dict)
    capabilities: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def here(cls, host: str, version: str, labels: tuple[str, ...] = (), zone: str = "") -> Facts:
        """This host now, without its routes."""
        memory = psutil.virtual_memory()
        return cls(
            host,
            THIS_SOFTWARE.python,
            THIS_SOFTWARE.machine,
            os.cpu_count() or 1,
            os.getloadavg()[0],
            memory.total,
            memory.available,
            version,
            time.time(),
            measured_speed(),
            labels,
            capabilities=told_here(zone, labels),
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """Facts of another host, and when they came (monotonic seconds), with what was measured.

    Attributes:
        facts: the facts.
        at: when they came.
        clock_ahead: how far its clock is ahead of ours, in seconds, within a round trip.
    """

    facts: Facts
    at: float
    clock_ahead: float


class HostTable:
    """What is known of all hosts; read from any thread.

    Args:
        host: this host's name.
        version: this node's software version.
        peers: the hosts that are connected now.
        bandwidth: bytes a second as measured to a host, and how many seconds ago; or None.
        labels: what this host is marked with.
        zone: what this host stands or falls with.
    """

    def __init__(
        self,
        host: str,
        version: str,
        peers: Callable[[], list[str]],
        bandwidth: Callable[[str], tuple[float, float] | None],
        labels: tuple[str, ...] = (),
        zone: str = "",
    ) -> None:
        self.host = host
        self.version = version
        self.peers = peers
        self.bandwidth = bandwidth
        self.labels = labels
        self.zone = zone
        self._lock = threading.Lock()
        self._heard: dict[str, Heard] = {}
        self._trips: dict[str, deque[float]] = {}
        self._timed: dict[str, float] = {}  # when last

    def facts(self) -> Facts:
        """This host now."""
        facts = Facts.here(self.host, self.version, self.labels, self.zone)
        return replace(facts, routes=self._measured())

    def _measured(self) -> dict[str, Measured]:
        """The routes to the hosts that are connected."""
        now, found = time.monotonic(), {}
        for peer in self.peers():
            trip = self.round_trip(peer)
            if trip is not None:
                rate = self.bandwidth(peer) or (None, None)
                found[peer] = Measured(trip, now - self._timed[peer], *rate)
        return found

    def routes(self) -> dict[tuple[str, str], Measured]:
        """All routes between hosts in reach, from the one that measured it to the other."""
        now, up = time.monotonic(), set(self.peers())
        with self._lock:
            heard = [each for name, each in self._heard.items() if name in up]
        told = {
            (each.facts.host, target): route.later(now - each.at)
            for each in heard
            for target, route in each.facts.routes.items()
        }
        return told | {(self.host, peer): route for peer, route in self._measured().items()}

    def heard(self, facts: Facts) -> None:
        """Facts have come."""
        with self._lock:
            heard = Heard(facts, time.monotonic(), facts.clock - time.time())
            self._heard[facts.host] = heard

    def measured(self, host: str, seconds: float) -> None:
        """A round trip took so long; the shortest of late counts, as it was not delayed."""
        with self._lock:
            self._timed[host] = time.monotonic()
            self._trips.setdefault(host, deque(maxlen=_TRIPS)).append(seconds)

    def up(self) -> dict[str, Facts]:
        """What the hosts said of themselves last that are connected now."""
        up = set(self.peers())
        with self._lock:
            return {name: heard.facts for name, heard in self._heard.items() if name in up}

    def of(self, host: str) -> Heard | None:
        """What was heard of another host last."""
        return self._heard.get(host)

    def round_trip(self, host: str) -> float | None:
        """Seconds to a host and back, as measured."""
        with self._lock:
            return min(self._trips.get(host, ()), default=None)

    def network(self) -> Network:
        """The hosts that are up, this one too, and the routes between them."""
        with self._lock:
            fresh = time.monotonic() - _FRESH
            up = set(self.peers())
            others = [
                heard.facts
                for name, heard in self._heard.items()
                if name in up and heard.at > fresh
            ]
        measured = self.routes()
        routes = {(a, b): each.route(measured.get((b, a))) for (a, b), each in measured.items()}
        for facts in others:
            routes.setdefault((self.host, facts.host), Route(_DEFAULT_TRIP, _DEFAULT_BANDWIDTH))
        hosts = [_host(facts) for facts in [self.facts(), *others]]
        return Network.of(hosts, routes)


def _host(facts: Facts) -> Host:
    return Host(
        facts.host,
        Software(facts.python, facts.machine),
        cores=facts.cores,
        load=facts.load,
        speed=facts.speed,
        memory_free=facts.memory_free,
        memory_total=facts.memory_total,
        labels=tuple(facts.labels),
    )


@dataclass(frozen=True, slots=True)
class Connected:
    """A host has been connected: it is told at once, since placement needs to know it."""

    host: str


class _TellAll:
    """Time to tell."""


class Hosts(Actor):
    """Tells the other hosts of this one, and hears of them."""

    def __init__(self, table: HostTable) -> None:
        self._table = table

    def on_start(self) -> None:
        """Begin to tell."""
        self.send_every(EVERY, _TellAll())

    def on_receive(self, message: Any) -> Any:
        """`Facts` of another host, or the time to tell: every two seconds, and to whom is new."""
        match message:
            case Facts():
                self._table.heard(message)
            case Connected(host):
                self._tell(host, self._table.facts())
            case _TellAll():
                self.tell_all()
            case _:
                self.refuse(message)

    def tell_all(self) -> None:
        """Tell every connected host, and take the time until it says that it heard."""
        facts = self._table.facts()
        for peer in self._table.peers():
            self._tell(peer, facts)

    def _tell(self, peer: str, facts: Facts) -> None:
        began = time.monotonic()
        answer = self.system.ref(f"{HOSTS}@{peer}").ask(facts, block=False)
        answer.on_answer(lambda reply: self._timed(peer, began, reply))

    def _timed(self, peer: str, began: float, reply: Any) -> None:
        if reply.outcome()[1] is None:
            self._table.measured(peer, time.monotonic() - began)
