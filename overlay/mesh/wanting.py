"""How this host's part of the mesh should be, from the plan and from what was decided since. Pure.

To every other host there is one route, by the device that was chosen for it. Beside these each
device has a route to all of the overlay, with a metric so high that it counts only for what is sent
by that device on purpose: so one device can be measured while traffic takes another.

A relay passes on by tables of its own, by where a packet came in: what its clients send goes to
other clients, or to a relay that has them; what relays send goes to clients alone. So a packet
takes two relays at most, and never turns in a circle. What neither knows is unreachable, and does
not leak into the machine's own network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from simulacra.overlay.mesh.model import (
    CLIENTS,
    DIRECT,
    FROM_CLIENTS,
    FROM_RELAYS,
    PROBING,
    Device,
    Mesh,
    Peer,
    Route,
    Rule,
)
from simulacra.overlay.mesh.openvpn import is_old
from simulacra.overlay.plan.document import HostPlan, Plan

_METRIC: Final = 77
_LAST: Final = 2**32 - 1
_EVERYTHING: Final = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Choices:
    """What was decided beyond the plan.

    Attributes:
        key: this host's own public key.
        by: the device by which a host is reached, by its name; `default_device` for others.
        onward: of a relay, the device by which it passes on to a host that is no client here now.
        keys: by device and host those by which it is let in there, the open one first; for others
            it is the plan's.
        gone: hosts that were expelled.
    """

    key: str
    by: Mapping[str, str] = field(default_factory=dict)
    onward: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()


def wanted(plan: Plan, host: str, choices: Choices) -> Mesh:
    """The mesh as it should be on a host."""
    return _Wanting(plan, host, choices).mesh()


def default_device(mine: HostPlan, other: str) -> str:
    """The device for a host of which nothing is known yet: direct, if one side can begin."""
    for peer in mine.peers:
        if peer.host == other and not (peer.punched and mine.relays):
            return DIRECT
    if any(client.host == other for client in mine.clients):
        return CLIENTS
    return mine.relays[0].device if mine.relays else DIRECT


def _servers(old: HostPlan) -> set[str]:
    """The relays that have a host of OpenVPN's old form."""
    return {relay.host for relay in old.relays if relay.openvpn}


class _Wanting:
    def __init__(self, plan: Plan, host: str, choices: Choices) -> None:
        self._plan, self._host, self._choices = plan, host, choices
        self._mine = plan.hosts[host]
        known = {name for _, name in choices.keys}
        self._others = {
            name: each
            for name, each in plan.hosts.items()
            if name != host and name not in choices.gone and (each.key or name in known)
        }
        self._old = {
            name: each
            for name, each in plan.hosts.items()
            if name != host and name not in choices.gone and is_old(each)
        }

    def mesh(self) -> Mesh:
        devices = dict(self._devices())
        return Mesh(
            devices,
            # On all: the kernel takes nothing in from elsewhere by a device without an address.
            frozenset((device, each) for device in devices for each in self._own()),
            frozenset([*self._routes(), *self._probing(devices), *self._passing_on()]),
            frozenset(self._rules()),
        )

    # -- devices

    def _devices(self) -> Iterator[tuple[str, Device]]:
        mine, key = self._mine, self._choices.key
        yield DIRECT, Device(mine.port, key, dict(self._direct()))
        if mine.clients:
            yield CLIENTS, Device(mine.port + 1, key, dict(self._clients()))
        everything = frozenset({self._plan.ipv4, self._plan.ipv6})
        for relay in mine.relays:
            if relay.host in self._others:
                peer = Peer(everything, None, relay.keepalive)
                peers = dict(self._by_keys(relay.device, relay.host, relay.key, peer))
                yield relay.device, Device(relay.listen, key, peers)

    def _direct(self) -> Iterator[tuple[str, Peer]]:
        for each in self._mine.peers:
            if each.host in self._others:
                peer = Peer(frozenset(each.allowed), None, each.keepalive)
                yield from self._by_keys(DIRECT, each.host, each.key, peer)

    def _clients(self) -> Iterator[tuple[str, Peer]]:
        for each in self._mine.clients:
            if each.host in self._others:
                peer = Peer(frozenset(each.allowed))
                yield from self._by_keys(CLIENTS, each.host, each.key, peer)

    def _by_keys(
        self, device: str, host: str, planned: str, peer: Peer
    ) -> Iterator[tuple[str, Peer]]:
        """A host by each of its keys, of which one is open."""
        first, *others = self._choices.keys.get((device, host), (planned,))
        yield first, peer
        for key in others:
            yield key, Peer(frozenset(), barred=True)

    def _own(self) -> tuple[str, str]:
        return f"{self._mine.ipv4}/32", f"{self._mine.ipv6}/128"

    # -- routes

    def _routes(self) -> Iterator[Route]:
        for name, each in self._others.items():
            device = self._choices.by.get(name) or default_device(self._mine, name)
            for to, source in self._both(each):
                yield Route(to, device, source=source, metric=_METRIC)

        for name, each in self._old.items():
            if self._host not in _servers(each) and (device := self._old_device(name)):
                yield Route(f"{each.ipv4}/32", device, source=self._mine.ipv4, metric=_METRIC)

    def _old_device(self, name: str) -> str:
        """The device for a host that a relay has by OpenVPN; empty if no such relay is known."""
        serving = [
            r.device for r in self._mine.relays if r.host in _servers(self._plan.hosts[name])
        ]
        chosen = self._choices.by.get(name, "")
        return chosen if chosen in serving else next(iter(serving), "")

    def _both(self, other: HostPlan) -> Iterator[tuple[str, str]]:
        """The prefixes of a host, and the addresses of this one for each."""
        yield f"{other.ipv4}/32", self._mine.ipv4
        yield f"{other.ipv6}/128", self._mine.ipv6

    def _probing(self, devices: Mapping[str, Device]) -> Iterator[Route]:
        for number, device in enumerate(devices):
            for to, source in (
                (self._plan.ipv4, self._mine.ipv4),
                (self._plan.ipv6, self._mine.ipv6),
            ):
                yield Route(to, device, source=source, metric=PROBING + number)

    def _passing_on(self) -> Iterator[Route]:
        if not self._mine.clients:
            return
        for table in (FROM_CLIENTS, FROM_RELAYS):
            for everything in _EVERYTHING:
                yield Route(everything, "", table, metric=_LAST)
        served = {client.host for client in self._mine.clients} & self._others.keys()
        relays = {relay.host: relay.device for relay in self._mine.relays}
        for name, each in self._others.items():
            onward = relays.get(name) or self._choices.onward.get(name)
            for to, _ in self._both(each):
                if name in served:
                    yield Route(to, CLIENTS, FROM_RELAYS, metric=_METRIC)
                if onward or name in served:
                    yield Route(to, onward or CLIENTS, FROM_CLIENTS, metric=_METRIC)
        for name, each in self._old.items():
            # Those that this relay serves itself are let in where OpenVPN is.
            if self._host not in _servers(each) and (device := self._old_device(name)):
                yield Route(f"{each.ipv4}/32", device, FROM_CLIENTS, metric=_METRIC)

    def _rules(self) -> Iterator[Rule]:
        if self._mine.clients:
            yield Rule(CLIENTS, FROM_CLIENTS)
            for relay in self._mine.relays:
                if relay.host in self._others:
                    yield Rule(relay.device, FROM_RELAYS)
