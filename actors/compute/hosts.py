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
        routes: round trip (seconds) and bandwidth (bytes a second) to other hosts, as measured.
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
    routes: dict[str, tuple[float, float]] = field(default_factory=dict)
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
        bandwidth: bytes a second as measured to a host, or None.
        labels: what this host is marked with.
        zone: what this host stands or falls with.
    """

    def __init__(
        self,
        host: str,
        version: str,
        peers: Callable[[], list[str]],
        bandwidth: Callable[[str], float | None],
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
        self._trips: dict[str, float] = {}

    def facts(self) -> Facts:
        """This host now."""
        facts = Facts.here(self.host, self.version, self.labels, self.zone)
        return replace(facts, routes=self._measured())

    def _measured(self) -> dict[str, tuple[float, float]]:
        measured = ((peer, self._trips.get(peer), self.bandwidth(peer)) for peer in self.peers())
        return {peer: (trip, rate) for peer, trip, rate in measured if trip and rate}

    def heard(self, facts: Facts) -> None:
        """Facts have come."""
        with self._lock:
            heard = Heard(facts, time.monotonic(), facts.clock - time.time())
            self._heard[facts.host] = heard

    def measured(self, host: str, seconds: float) -> None:
        """A round trip took so long; the shortest of late counts, as it was not delayed."""
        with self._lock:
            before = self._trips.get(host, seconds)
            self._trips[host] = min(seconds, before * 1.1)

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
        return self._trips.get(host)

    def network(self) -> Network:
        """The hosts that are up, this one too, and the routes from here."""
        with self._lock:
            fresh = time.monotonic() - _FRESH
            up = set(self.peers())
            others = [
                heard.facts
                for name, heard in self._heard.items()
                if name in up and heard.at > fresh
            ]
            trips = dict(self._trips)
        routes = {
            (facts.host, host): Route(*route)
            for facts in others
            for host, route in facts.routes.items()
        }
        for facts in others:
            rate = self.bandwidth(facts.host) or _DEFAULT_BANDWIDTH
            routes[self.host, facts.host] = Route(trips.get(facts.host, 0.01), rate)
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
