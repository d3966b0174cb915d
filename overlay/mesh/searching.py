"""Where a host looks for its peers: who is to be told of which place, and when. Pure.

What is known of places comes from the plan, from what other hosts see, and for a relay that is
spoken to by OpenVPN from the plan again. When each is due `endpoints` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulacra.overlay.mesh import endpoints
from simulacra.overlay.mesh.changes import SetPeer
from simulacra.overlay.mesh.endpoints import Search
from simulacra.overlay.mesh.knowledge import Knowledge
from simulacra.overlay.mesh.links import Link
from simulacra.overlay.mesh.model import DIRECT, Contact, Mesh, Peer
from simulacra.overlay.plan.document import Plan

_JUST_AGREED: Final = 2.0


@dataclass(frozen=True, slots=True)
class End:
    """A peer of a device, as it is searched for."""

    device: str
    host: str
    key: str


class Searching:
    """One host's search for its peers.

    Args:
        plan: the network's.
        host: this host.
        know: what it knows.

    Attributes:
        names: ADDRESS:PORT by the endpoints of the plan that are names.
    """

    def __init__(self, plan: Plan, host: str, know: Knowledge) -> None:
        self._plan, self._host, self._know = plan, host, know
        self._mine = plan.hosts[host]
        self._searches: dict[tuple[str, str], Search] = {}
        self._moved = False
        self.names: Mapping[str, str] = {}

    def moved(self) -> None:
        """This host's own addresses have changed: every peer has to be spoken to anew."""
        self._moved = True

    def expelled(self, gone: frozenset[str]) -> None:
        """These are searched for no more."""
        self._searches = {
            place: each for place, each in self._searches.items() if place[1] not in gone
        }

    def ends(self) -> Iterator[End]:
        """The peers that this host itself looks for: those of whom it is a relay come by."""
        for peer in self._mine.peers:
            if peer.host not in self._know.gone:
                yield End(DIRECT, peer.host, self._know.key(DIRECT, peer.host, peer.key))
        for relay in self._mine.relays:
            if relay.host not in self._know.gone:
                key = self._know.key(relay.device, relay.host, relay.key)
                yield End(relay.device, relay.host, key)

    def is_due(self, now: float) -> bool:
        """Whether a peer that is not known to be reached is to be tried."""
        return any(self._is_due(end, now) for end in self.ends())

    def _is_due(self, end: End, now: float) -> bool:
        if (end.device, end.host) not in self._searches:
            return True
        if self._works(end, now):
            return False
        search = self._search(end, now, works=False)
        return bool(search.places) and now >= search.due

    def _works(self, end: End, now: float) -> bool:
        link = self._know.links.get((end.device, end.host))
        return link is not None and link.quality(now).works

    def tries(self, mesh: Mesh, now: float) -> list[SetPeer]:
        """The peers of the mesh to be told where they may be reached, whatever they are told."""
        found = []
        for end in self.ends():
            contact = self._know.seen.contacts.get((end.device, end.key))
            if contact is None:
                continue  # the peer is not there yet
            works = self._works(end, now)
            reached = works or self._know.seen.at - contact.handshake < _JUST_AGREED
            self._know.doors.searched(end.device, end.host, reached=reached, now=now)
            place = self._place(end, contact, works=works, reached=reached, now=now)
            if place is not None:
                peer = mesh.devices[end.device].peers[end.key]
                there = Peer(peer.allowed, place, peer.keepalive)
                found.append(SetPeer(end.device, end.key, there, afresh=not works))
                self._know.links.setdefault((end.device, end.host), Link()).hurry()
        self._moved = False
        return found

    def _place(
        self, end: End, contact: Contact, *, works: bool, reached: bool, now: float
    ) -> str | None:
        """Where to try a peer now, if anywhere."""
        search = self._search(end, now, works=works)
        place = None
        if reached:
            search = endpoints.found(search, now)
            place = contact.endpoint or None if self._moved else None
            if self._is_on_another_rung(end, contact):
                place = next(iter(search.places), None)
        else:
            search, place = endpoints.due(search, now, leads=self._host < end.host)
        self._searches[end.device, end.host] = search
        return place

    def _search(self, end: End, now: float, *, works: bool) -> Search:
        """The search for a peer with what is known by now."""
        search = self._searches.get((end.device, end.host), Search())
        search = endpoints.told(search, self._places(end, now), now)
        return endpoints.again(search, now) if self._moved and not works else search

    def _is_on_another_rung(self, end: End, contact: Contact) -> bool:
        """Whether a relay is spoken to by OpenVPN and should not be, or the other way round."""
        tunnelled = end.host in self._know.tunnelled and end.device != DIRECT
        inside = self._inside(end.host)
        return end.device != DIRECT and inside != "" and (contact.endpoint == inside) != tunnelled

    def _inside(self, host: str) -> str:
        """Where a relay is to be spoken to by OpenVPN; empty where it is not."""
        for relay in self._mine.relays:
            if relay.host == host and relay.inside:
                return f"{relay.inside}:{self._plan.hosts[host].port + 1}"
        return ""

    def _places(self, end: End, now: float) -> list[str]:
        """Where a peer may be: as the plan says, and as others see it; or by OpenVPN."""
        if end.device != DIRECT and end.host in self._know.tunnelled:
            return [self._inside(end.host)]
        planned: Sequence[str] = ()
        for peer in self._mine.peers:
            if end.device == DIRECT and peer.host == end.host:
                planned = peer.endpoints
        for relay in self._mine.relays:
            if end.device == relay.device:
                planned = relay.endpoints
        found = [self.names[each] for each in planned if each in self.names]
        if end.device == DIRECT:
            words = self._know.words(now)
            found += [word.seen[end.host] for word in words if end.host in word.seen]
        return found
