"""What a host tells of its part of the mesh, to other hosts and to people. Pure.

A relay tells which clients are there, and whom it reaches by other relays; every host where it sees
others, and how its routes are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from simulacra.overlay.mesh.knowledge import Knowledge
from simulacra.overlay.mesh.messages import Line, Told
from simulacra.overlay.mesh.model import DIRECT, Contact
from simulacra.overlay.mesh.paths import Choice, Rung, Way
from simulacra.overlay.plan.document import HostPlan

_AGREED_FOR: Final = 180.0


class Account:
    """One host's account of its part.

    Args:
        host: its name.
        mine: its part of the plan.
        know: what it knows.
    """

    def __init__(self, host: str, mine: HostPlan, know: Knowledge) -> None:
        self._host, self._mine, self._know = host, mine, know

    def told(self, choices: Mapping[str, Choice], passed_on: Collection[str], now: float) -> Told:
        """What to tell the others.

        Args:
            choices: the way to each host.
            passed_on: of a relay, clients of other relays.
            now: seconds.
        """
        attached = self._know.attached(now)
        reaches = {}
        for host in set(passed_on) - attached.keys():
            onward = self._know.onward(host, now)
            if onward is not None:
                reaches[host] = onward
        return Told(self._host, attached, reaches, self._seen(), self.lines(choices, now))

    def _seen(self) -> dict[str, str]:
        """Where this host sees others that the plan says otherwise of."""
        found = {}
        seen = self._know.seen
        for peer in self._mine.peers:
            key = self._know.key(DIRECT, peer.host, peer.key)
            contact = seen.contacts.get((DIRECT, key), Contact())
            fresh = contact.handshake + _AGREED_FOR > seen.at
            if fresh and contact.endpoint and peer.host not in self._know.gone:
                found[peer.host] = contact.endpoint
        return found

    def lines(self, choices: Mapping[str, Choice], now: float) -> dict[str, Line]:
        """The route to each host."""
        return {
            host: self._line(host, choice.way, now)
            for host, choice in choices.items()
            if host not in self._know.gone
        }

    def _line(self, host: str, way: Way | None, now: float) -> Line:
        if way is None:
            return Line("none")
        link = self._know.links.get((way.device, host))
        quality = link.quality(now) if link is not None else None
        if not any(each.device == way.device for each in self._know.ways(host, now)):
            return Line("none", age=quality.age if quality is not None else None)
        how = self._how(host, way)
        if quality is None:
            return Line(how, way.relays, way.trip)
        return Line(how, way.relays, quality.trip or way.trip, quality.loss, quality.age)

    def _how(self, host: str, way: Way) -> str:
        if way.rung is Rung.TUNNELLED:
            return "tunnelled"
        if way.relays:
            return "relayed"
        punched = any(each.punched for each in self._mine.peers if each.host == host)
        return "punched" if punched else "direct"
