"""What one host's part of the mesh decides, as a pure state machine: events and the time in.

It is told what probes found, how the devices are, what other hosts know, and when this host's own
addresses change. Out of it come the probes that are due, the mesh as it should be, the places where
peers are to be tried anew, and what to tell the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulacra.overlay.mesh import paths
from simulacra.overlay.mesh.changes import SetPeer
from simulacra.overlay.mesh.knowledge import Knowledge
from simulacra.overlay.mesh.links import Link
from simulacra.overlay.mesh.messages import Line, Told
from simulacra.overlay.mesh.model import DIRECT, Contact, Mesh, Seen
from simulacra.overlay.mesh.paths import Choice
from simulacra.overlay.mesh.prober import Answered, Asked, Heard
from simulacra.overlay.mesh.searching import Searching
from simulacra.overlay.mesh.telling import Account
from simulacra.overlay.mesh.tunnelling import Signs, Tunnelling
from simulacra.overlay.mesh.wanting import Choices, default_device, wanted
from simulacra.overlay.plan.document import Plan

_QUICKEST: Final = 0.5
_SLOWEST: Final = 5.0
_A_SECOND: Final = 20
"""Probes that a host sends a second where it has very many links."""
_FAILED_EVERY: Final = 2.0
_WHOLE_KEPT: Final = 10.0
_NO_LINK: Final = Link()


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe to send; ``trip`` is what its link measured so far, for the other side to know."""

    device: str
    address: str
    number: int
    trip: float | None


class Steering:
    """The decisions of one host.

    Args:
        plan: the network's.
        host: this host.
        key: its public key.
    """

    def __init__(self, plan: Plan, host: str, key: str) -> None:
        self.plan, self.host, self.key = plan, host, key
        self._mine = plan.hosts[host]
        links = len(self._mine.peers) + len(self._mine.relays)
        self.every = min(max(links / _A_SECOND, _QUICKEST), _SLOWEST)
        self.know = Knowledge(plan, host, patience=3 * self.every + 0.5)
        self._hosts = {each.ipv4: name for name, each in plan.hosts.items()}
        self._number = 0
        self._choices: dict[str, Choice] = {}
        self._onward: dict[str, str] = {}
        self._left: dict[tuple[str, str], float] = {}
        self._searching = Searching(plan, host, self.know)
        self._account = Account(host, self._mine, self.know)
        self._tunnelling = Tunnelling(each.host for each in self._mine.relays if each.openvpn)
        self._ready: frozenset[str] = frozenset()
        self._met = False
        self._mesh: tuple[Choices, Mesh] | None = None

    def heir(self, plan: Plan) -> Steering:
        """The decisions under a new plan, which has this host: what was learned counts on."""
        heir = Steering(plan, self.host, self.key)
        heir.know.inherit(self.know, plan.hosts.keys())
        heir._number = self._number
        heir._searching.names = self._searching.names
        heir._choices = {host: each for host, each in self._choices.items() if host in plan.hosts}
        return heir

    # -- events

    def heard(self, what: Sequence[Heard], now: float) -> None:
        """Probes came, and answers to probes."""
        for each in what:
            host = self._hosts.get(each.address)
            if host is None:
                continue
            if not isinstance(each, Answered):
                self._asked(each, host, now)
                continue
            # An answer may come back another way than its question went; numbers come once.
            for (_, other), link in self.know.links.items():
                if other == host and link.answered(each.number, each.trip, now):
                    break

    def _asked(self, asked: Asked, host: str, now: float) -> None:
        self.know.asked(asked.device, host, asked.trip, now)
        link = self.know.links.get((asked.device, host))
        # Whoever is heard can be spoken to: that is tried at once, not when it would be due.
        if link is None:
            self._met |= asked.device == DIRECT
        elif not link.quality(now).works:
            link.hurry()

    def looked(self, seen: Seen) -> None:
        """So the mesh is on this host."""
        self._met = False
        self.know.seen = seen
        self.know.doors.looked(seen)

    def told(self, told: Told, now: float) -> None:
        """Another host says what it knows."""
        if told.host in self.plan.hosts and told.host != self.host:
            self.know.told(told, now)

    def expelled(self, gone: frozenset[str]) -> None:
        """These hosts are out of the network, and no others of the plan."""
        if gone != self.know.gone:
            self.know.expelled(gone)
            self._searching.expelled(gone)

    def resolved(self, names: Mapping[str, str]) -> None:
        """Where the endpoints of the plan are that are names: ADDRESS:PORT by each."""
        self._searching.names = names

    def moved(self) -> None:
        """This host's own addresses have changed: every peer has to be spoken to anew."""
        self._searching.moved()

    def ready(self, relays: frozenset[str], old: frozenset[str]) -> None:
        """To these relays OpenVPN leads now, and of a relay, from these hosts of the old form."""
        self._ready, self.know.old = relays, old

    def let_in(self, keys: Mapping[str, tuple[str, ...]], now: float) -> None:
        """By these keys hosts are to be let in, each first by the one that it probably has."""
        self.know.doors.let_in(keys, self.know.seen, now)

    def turned(self, key: str) -> None:
        """This host has another key now: everybody has to agree with it anew."""
        self.key = key
        for link in self.know.links.values():
            link.hurry()

    # -- probes

    def probes(self, now: float) -> list[Probe]:
        """The probes to send now."""
        found = []
        for device, host in self._measured(now):
            link = self.know.links.setdefault((device, host), Link())
            link.expire(now)
            quality = link.quality(now)
            if link.is_due(self.every if quality.works else _FAILED_EVERY, now):
                self._number = self._number % 0xFFFFFFFF + 1
                link.send(self._number, now)
                address = self.plan.hosts[host].ipv4
                found.append(Probe(device, address, self._number, quality.trip))
        return found

    def _measured(self, now: float) -> Iterator[tuple[str, str]]:
        """The links to measure: device and host."""
        for end in self._searching.ends():
            contact = self.know.seen.contacts.get((end.device, end.key), Contact())
            if contact.endpoint and self.plan.hosts[end.host].kind == "node":
                yield end.device, end.host
        for host, choice in self._choices.items():
            # A phone, or a host that has OpenVPN alone, answers no probes.
            part = self.plan.hosts[host]
            answers = part.kind == "node" and part.key and host not in self.know.gone
            if choice.way is not None and choice.way.relays and answers:
                self._left[choice.way.device, host] = now
                yield choice.way.device, host
        # What failed and was left gets another chance later, as if it were new.
        for key, at in list(self._left.items()):
            if now - at > _WHOLE_KEPT:
                del self._left[key]
                self.know.links.pop(key, None)

    # -- decisions

    def wants_look(self, now: float) -> bool:
        """Whether the mesh is to be looked at before more is decided.

        A peer that was not measured yet was heard; or one is to be tried, who may have come by
        itself since: to begin with it afresh would break off what was agreed.
        """
        return self._met or self._searching.is_due(now)

    def decide(self, now: float) -> Mesh:
        """The mesh as it should be."""
        for host in self.plan.hosts:
            if host != self.host and host not in self.know.gone:
                before = self._choices.get(host, Choice())
                self._choices[host] = paths.choose(before, self.know.ways(host, now), now)
        if self._mine.clients:
            self._decide_onward(now)
        by = {host: each.way.device for host, each in self._choices.items() if each.way}
        choices = Choices(self.key, by, dict(self._onward), self.know.doors.keys(), self.know.gone)
        if self._mesh is None or self._mesh[0] != choices:
            self._mesh = choices, wanted(self.plan, self.host, choices)
        return self._mesh[1]

    def tunnels(self, now: float) -> frozenset[str]:
        """The relays to which OpenVPN is to lead; where WireGuard goes follows from it."""
        signs = {}
        for relay in self._mine.relays:
            if relay.host not in self.know.gone:
                near, direct = (
                    self.know.links.get((device, relay.host), _NO_LINK).quality(now)
                    for device in (relay.device, DIRECT)
                )
                signs[relay.host] = Signs(near.works, direct.settled, relay.host in self._ready)
        wanted = self._tunnelling.decide(signs, now)
        self.know.tunnelled = self._tunnelling.tunnelled
        return wanted - self.know.gone

    def _decide_onward(self, now: float) -> None:
        attached = self.know.attached(now)
        devices = {relay.host: relay.device for relay in self._mine.relays}
        for client in self._mine.clients:
            onward = self.know.onward(client.host, now)
            if client.host in attached:
                self._onward.pop(client.host, None)
            elif onward is not None:
                self._onward[client.host] = devices[onward[0]]

    def tries(self, now: float) -> list[SetPeer]:
        """The peers to be told where they may be reached, whatever they are told already."""
        assert self._mesh is not None  # noqa: S101 (it was decided before)
        return self._searching.tries(self._mesh[1], now)

    # -- what others need to know, and people

    def telling(self, now: float) -> Told:
        """What to tell the others."""
        return self._account.told(self._choices, self._onward.keys(), now)

    def lines(self, now: float) -> dict[str, Line]:
        """The route to each host."""
        return self._account.lines(self._choices, now)

    def device(self, host: str) -> str:
        """The device by which a host is reached at present."""
        way = self._choices.get(host, Choice()).way
        return way.device if way is not None else default_device(self._mine, host)
