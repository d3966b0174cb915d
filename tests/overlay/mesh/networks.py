"""A network in memory: real decisions of many hosts, over links that come and go. No sockets.

A packet between two hosts passes where the devices at both ends know each other, the wire between
is whole, and what a relay's tables say leads there: as the kernel and WireGuard would have it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulacra.overlay.mesh import reconciling
from simulacra.overlay.mesh.model import (
    CLIENTS,
    DIRECT,
    FROM_CLIENTS,
    FROM_RELAYS,
    MAIN,
    Contact,
    Mesh,
    Seen,
)
from simulacra.overlay.mesh.prober import Answered, Asked
from simulacra.overlay.mesh.resolving import endpoints_of
from simulacra.overlay.mesh.steering import Probe, Steering
from simulacra.overlay.plan.document import Plan
from tests.overlay.mesh.meshes import after

STEP = 0.1
TRIP = 0.01
LOOK = 3.0
"""How often a host looks how its mesh is, where it has no reason to."""
_MOST_HOPS = 4


@dataclass
class Hop:
    """A packet at a host: by which device it came in."""

    host: str
    device: str
    trip: float = 0.0


@dataclass
class World:
    """All hosts of a plan, and the wires between.

    Attributes:
        cut: pairs of hosts between which nothing passes.
        down: hosts that are off.
        far: seconds there and back on a wire; `TRIP` for others.
    """

    plan: Plan
    cut: set[frozenset[str]] = field(default_factory=set)
    down: set[str] = field(default_factory=set)
    far: dict[frozenset[str], float] = field(default_factory=dict)
    now: float = 100.0

    def __post_init__(self) -> None:
        self.hosts = {
            name: Steering(self.plan, name, each.key) for name, each in self.plan.hosts.items()
        }
        self.meshes = {name: Seen(Mesh()) for name in self.hosts}
        for steering in self.hosts.values():
            mine = steering.plan.hosts[steering.host]
            steering.resolved({each: each for each in endpoints_of(mine)})
        self._looked = dict.fromkeys(self.hosts, -1e9)
        self._keys = {each.key: name for name, each in self.plan.hosts.items()}
        self._addresses = {each.ipv4: name for name, each in self.plan.hosts.items()}

    # -- time passes

    def run(self, seconds: float) -> None:
        """Let time pass for all."""
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            for name, steering in self.hosts.items():
                if name not in self.down:
                    self._step(name, steering)
            if round(self.now / STEP) % 5 == 0:
                self._tell()

    def _step(self, name: str, steering: Steering) -> None:
        if self.now - self._looked[name] > LOOK or steering.wants_look(self.now):
            self._look(name, steering)
        wanted = steering.decide(self.now)
        tries = steering.tries(self.now)
        # Nobody who may have come meanwhile is begun with afresh.
        assert not any(each.afresh for each in tries) or self._looked[name] == self.now
        changes = [*reconciling.changes(wanted, steering.know.seen), *tries]
        if changes:
            self.meshes[name] = after(self.meshes[name], changes, steering.key)
            self._look(name, steering)
        for probe in steering.probes(self.now):
            self._carry(name, probe)

    def _look(self, name: str, steering: Steering) -> None:
        seen = self.meshes[name]
        peers = [(device, key) for device in seen.mesh.devices for key in _peers(seen, device)]
        contacts = {end: seen.contacts.get(end, Contact()) for end in peers}
        self.meshes[name] = Seen(seen.mesh, contacts, at=self.now)
        self._looked[name] = self.now
        steering.looked(self.meshes[name])

    def _tell(self) -> None:
        for name, steering in self.hosts.items():
            told = steering.telling(self.now)
            for other, listener in self.hosts.items():
                if other != name and self.reaches(name, other) and self.reaches(other, name):
                    listener.told(told, self.now)

    def _carry(self, name: str, probe: Probe) -> None:
        target = self._addresses[probe.address]
        there = self.follow(name, target, probe.device)
        if there is None:
            return
        asked = Asked(there.device, self.plan.hosts[name].ipv4, probe.trip)
        self.hosts[target].heard([asked], self.now)
        back = self.follow(target, name, there.device)
        if back is not None:
            answer = Answered(back.device, probe.address, probe.number, there.trip + back.trip)
            self.hosts[name].heard([answer], self.now)

    # -- packets

    def reaches(self, name: str, target: str) -> bool:
        """Whether what a host sends another one, by its routes, arrives."""
        to = f"{self.plan.hosts[target].ipv4}/32"
        routes = [each for each in self.meshes[name].mesh.routes if each.to == to]
        devices = [each.device for each in routes if each.table == MAIN]
        return bool(devices) and self.follow(name, target, devices[0]) is not None

    def follow(self, name: str, target: str, device: str) -> Hop | None:
        """Where a packet ends up that leaves by a device; None where it is lost."""
        hop = Hop(name, device)
        for _ in range(_MOST_HOPS):
            landed = self._over(hop.host, device, target, name)
            if landed is None:
                return None
            far = self.far.get(frozenset({hop.host, landed.host}), TRIP) / 2
            hop = Hop(landed.host, landed.device, hop.trip + far)
            if hop.host == target:
                return hop
            onward = self._onward(hop, target)
            if onward is None:
                return None
            device = onward
        raise AssertionError(f"{name} to {target} goes in circles")

    def _onward(self, hop: Hop, target: str) -> str | None:
        table = FROM_CLIENTS if hop.device == CLIENTS else FROM_RELAYS
        mesh = self.meshes[hop.host].mesh
        if not any(rule.device == hop.device and rule.table == table for rule in mesh.rules):
            return None
        to = f"{self.plan.hosts[target].ipv4}/32"
        found = [each.device for each in mesh.routes if (each.to, each.table) == (to, table)]
        return found[0] if found else None

    def _over(self, host: str, device: str, target: str, source: str) -> Hop | None:
        """One tunnel: whose allowed addresses have the target, and who lets in the source."""
        found = self.meshes[host].mesh.devices.get(device)
        if found is None:
            return None
        peers = found.peers.items()
        keys = [key for key, peer in peers if _lets(peer.allowed, self.plan, target)]
        if not keys:
            return None
        other = self._keys[keys[0]]
        if other in self.down or frozenset({host, other}) in self.cut:
            return None
        if not self._spoken(host, device, keys[0]):
            return None
        landing = self._landing(host, device, other)
        own = self.plan.hosts[host].key
        there = self.meshes[other].mesh.devices.get(landing)
        if there is None or own not in there.peers:
            return None
        if not _lets(there.peers[own].allowed, self.plan, source):
            return None
        # Its answer is known to come back the same way.
        self._roam(other, landing, own)
        return Hop(other, landing)

    def _landing(self, host: str, device: str, other: str) -> str:
        """The device at the other end of a tunnel."""
        if device == DIRECT:
            return DIRECT
        back = [each.device for each in self.plan.hosts[other].relays if each.host == host]
        if device == CLIENTS:
            return back[0]
        return CLIENTS if not self.plan.hosts[host].clients else back[0]

    def _spoken(self, host: str, device: str, key: str) -> bool:
        contact = self.meshes[host].contacts.get((device, key))
        return contact is not None and contact.endpoint != ""

    def _roam(self, host: str, device: str, key: str) -> None:
        seen = self.meshes[host]
        contact = Contact("192.0.2.1:1", self.now - 60.0)
        self.meshes[host] = Seen(seen.mesh, {**seen.contacts, (device, key): contact})


def _peers(seen: Seen, device: str) -> list[str]:
    return list(seen.mesh.devices[device].peers)


def _lets(allowed: frozenset[str], plan: Plan, host: str) -> bool:
    return plan.ipv4 in allowed or f"{plan.hosts[host].ipv4}/32" in allowed
