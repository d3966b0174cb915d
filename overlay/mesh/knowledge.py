"""What a host has heard of the mesh, and the ways that follow from it. Pure; times are handed in.

What is measured: every direct link; the link to each relay, by the device for it; and of a route by
relays also the whole of it, while it is in use. What a relay knows of its clients it has from their
probes. How far it is over a relay that is not in use is the sum of what both ends measured.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from simulacra.overlay.mesh.doors import Doors
from simulacra.overlay.mesh.links import Link
from simulacra.overlay.mesh.messages import Told
from simulacra.overlay.mesh.model import CLIENTS, DIRECT, Mesh, Seen
from simulacra.overlay.mesh.paths import Rung, Way
from simulacra.overlay.plan.document import Plan, Relay

_TOLD_FOR: Final = 30.0
_AGREED_FOR: Final = 180.0
_GUESS: Final = 0.1
"""Seconds from a relay to a client of whom it has not said how far it is."""


@dataclass(frozen=True, slots=True)
class _Ear:
    """A client's probe, as a relay heard it: when, and how long its round trips are."""

    at: float
    trip: float


class Knowledge:
    """What one host knows.

    Args:
        plan: the network's.
        host: this host.
        patience: seconds after which a client that says nothing is no longer there.

    Attributes:
        seen: the mesh as it is on this host.
        links: by device and host.
        tunnelled: relays to which the way is OpenVPN's at present.
        old: of a relay, the hosts that it has by OpenVPN with a shared key now.
        gone: hosts that were expelled.
        doors: by which of their keys hosts are let in.
    """

    def __init__(self, plan: Plan, host: str, patience: float) -> None:
        self._plan, self._mine = plan, plan.hosts[host]
        self._patience = patience
        self._ears: dict[str, _Ear] = {}
        self._words: dict[str, tuple[Told, float]] = {}
        self._relays = {each.host: each for each in self._mine.relays}
        self._clients = {each.host: each for each in self._mine.clients}
        self.seen = Seen(Mesh())
        self.links: dict[tuple[str, str], Link] = {}
        self.tunnelled: frozenset[str] = frozenset()
        self.old: frozenset[str] = frozenset()
        self.gone: frozenset[str] = frozenset()
        self.doors = Doors(self._mine)

    def inherit(self, before: Knowledge, hosts: Collection[str]) -> None:
        """Know what was known under another plan of hosts that are in this one too."""
        self.seen, self.gone = before.seen, before.gone
        self.doors.inherit(before.doors)
        self._words = {host: word for host, word in before._words.items() if host in hosts}
        self._ears = {host: ear for host, ear in before._ears.items() if host in self._clients}
        # A device that leads to another relay now is another link.
        mine, its = self._led(), before._led()
        same = {DIRECT, CLIENTS} | {device for device in mine if mine[device] == its.get(device)}
        self.links = {
            (device, host): link
            for (device, host), link in before.links.items()
            if device in same and host in hosts
        }

    def _led(self) -> dict[str, str]:
        return {each.device: each.host for each in self._mine.relays}

    # -- events

    def asked(self, device: str, host: str, trip: float | None, now: float) -> None:
        """A host probed this one, by a device."""
        if device == CLIENTS and host in self._clients and host not in self.gone:
            self._ears[host] = _Ear(now, _GUESS if trip is None else trip)

    def told(self, told: Told, now: float) -> None:
        """Another host says what it knows."""
        self._words[told.host] = (told, now)

    def expelled(self, gone: frozenset[str]) -> None:
        """These hosts are out of the network."""
        self.gone = gone
        for name in gone:
            self._words.pop(name, None)
            self._ears.pop(name, None)
        self.links = {key: link for key, link in self.links.items() if key[1] not in gone}

    # -- what follows

    def key(self, device: str, host: str, planned: str) -> str:
        """The key by which a host is let in at a device, where it has this one in the plan."""
        return self.doors.open(device, host) or planned

    def words(self, now: float) -> Iterator[Told]:
        """What others told of late, relays first."""
        fresh = [told for told, at in self._words.values() if now - at <= _TOLD_FOR]
        return iter(sorted(fresh, key=lambda told: (not self._plan.hosts[told.host].clients,)))

    def word(self, host: str, now: float) -> Told | None:
        """What a host told of late."""
        told, at = self._words.get(host, (None, 0.0))
        return told if now - at <= _TOLD_FOR else None

    def attached(self, now: float) -> dict[str, float]:
        """Of a relay, the clients that are there, and how far they are."""
        found = {
            host: ear.trip for host, ear in self._ears.items() if now - ear.at <= self._patience
        }
        for host, client in self._clients.items():
            # A phone answers no probes, and has to agree on keys every two minutes.
            if host not in found and self._plan.hosts[host].kind != "node":
                contact = self.seen.contacts.get((CLIENTS, client.key))
                if contact is not None and contact.handshake + _AGREED_FOR > self.seen.at:
                    found[host] = _GUESS
        found |= dict.fromkeys(self.old, _GUESS)
        return {host: trip for host, trip in found.items() if host not in self.gone}

    def onward(self, host: str, now: float) -> tuple[str, float] | None:
        """Of a relay, the best other relay that has a host as its client, and how far it is."""
        found = []
        for relay in self._working_relays(now):
            told = self.word(relay[0].host, now)
            if told is not None and host in told.attached:
                found.append((relay[1] + told.attached[host], relay[0].host))
        return (min(found)[1], min(found)[0]) if found else None

    def ways(self, host: str, now: float) -> list[Way]:
        """The ways to a host that work."""
        return [*self._direct(host, now), *self._relayed(host, now)]

    def _direct(self, host: str, now: float) -> Iterator[Way]:
        link = self.links.get((DIRECT, host))
        if link is not None and (quality := link.quality(now)).works:
            yield Way(DIRECT, Rung.DIRECT, (), quality.trip or 0.0, settled=quality.settled)
        ear = self._ears.get(host)
        if host in self.attached(now):
            shared = {} if self._mine.openvpn is None else self._mine.openvpn.shared
            device = f"simk{shared[host]}" if host in self.old else CLIENTS
            yield Way(device, Rung.RELAYED, (), _GUESS if ear is None else ear.trip)

    def _relayed(self, host: str, now: float) -> Iterator[Way]:
        for relay, trip in self._working_relays(now):
            rung = Rung.TUNNELLED if relay.host in self.tunnelled else Rung.RELAYED
            whole = self.links.get((relay.device, host))
            measured = whole.quality(now) if whole is not None else None
            if relay.host == host:
                yield Way(relay.device, rung, (), trip)
            elif measured is None or not measured.failed:
                beyond = self._beyond(relay, host, now)
                if beyond is not None:
                    whole_trip = measured.trip if measured is not None else None
                    far = trip + beyond[1] if whole_trip is None else whole_trip
                    yield Way(relay.device, rung, (relay.host, *beyond[0]), far)

    def _beyond(self, relay: Relay, host: str, now: float) -> tuple[tuple[str, ...], float] | None:
        """From a relay on: by whom, and how far; None where it does not reach a host."""
        told = self.word(relay.host, now)
        if told is None:
            return (), _GUESS  # it has not been met yet, and will know
        if host in told.attached:
            return (), told.attached[host]
        if host in told.reaches:
            other, trip = told.reaches[host]
            return (other,), trip
        # A relay reaches other relays, each by a device of its own.
        return ((), _GUESS) if self._plan.hosts[host].clients else None

    def _working_relays(self, now: float) -> Iterator[tuple[Relay, float]]:
        for relay in self._mine.relays:
            link = self.links.get((relay.device, relay.host))
            if link is not None and relay.host not in self.gone:
                quality = link.quality(now)
                if quality.works:
                    yield relay, quality.trip or 0.0
