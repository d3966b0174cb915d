"""By which of its keys a host is let in at a device, while it has several. Pure.

In a device an address belongs to one key. So one of a host's keys is open, and the others are
barred: who comes by such a key is heard, as only its owner can be, and gets no answer that it could
use. What it sends waits at its own end, where WireGuard keeps it until there is an agreement. A
host turns to another key by beginning to use it; that is heard here, the key is opened, and this
side begins to agree at once. So nothing is lost, and nobody needs to know when the other turns.

A host says that it turns a moment before it does: from then on its old key stays open until the
new one is heard, at the latest for `GRACE`. Two that turn at once each come by a new key to the
other's old one, and are not heard: while a host is searched for in vain, each of its keys is
opened in turn. A key that it was heard by stays open longer than one that is only tried: else two
that search alike would each leave the right key in the moment in which the other finds it, again
and again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from simulacra.overlay.mesh.model import CLIENTS, DIRECT, Peer, Seen
from simulacra.overlay.plan.document import HostPlan

GRACE: Final = 3.0
"""Seconds for which a key stays open that its host has said to give up."""
VAIN: Final = 2.0
"""Seconds for which a host is searched for by one of several keys."""
VAIN_HEARD: Final = 3 * VAIN
"""The same for the key that it was last heard by."""


class Doors:
    """The keys of others at this host's devices.

    Args:
        mine: this host's part of the plan.
    """

    def __init__(self, mine: HostPlan) -> None:
        places = [
            *((DIRECT, each.host) for each in mine.peers),
            *((each.device, each.host) for each in mine.relays),
            *((CLIENTS, each.host) for each in mine.clients),
        ]
        self._places = tuple(places)
        self._accepted: Mapping[str, tuple[str, ...]] = {}
        self._open: dict[tuple[str, str], str] = {}
        self._leaves: dict[tuple[str, str], float] = {}
        self._vain_since: dict[tuple[str, str], float] = {}
        self._heard: set[tuple[str, str]] = set()  # where by the key that is open

    # -- events

    def let_in(self, accepted: Mapping[str, tuple[str, ...]], seen: Seen, now: float) -> None:
        """By these keys hosts are to be let in, each first by the one that it probably has."""
        self._accepted = accepted
        for place in self._kept():
            keys = accepted[place[1]]
            key = self._open.setdefault(place, _open_in(seen, place[0], keys) or keys[0])
            if key in keys:
                self._leaves.pop(place, None)
            elif now >= self._leaves.setdefault(place, now + GRACE):
                self._turn(place, keys[0])

    def looked(self, seen: Seen) -> None:
        """So the mesh is on this host: whoever came by a barred key has turned to it."""
        for place in self._kept():
            device, host = place
            for key in self._accepted[host]:
                if key != self._open.get(place) and _is_heard(seen, device, key):
                    self._turn(place, key)
                    self._heard.add(place)

    def searched(self, device: str, host: str, *, reached: bool, now: float) -> None:
        """Whether a host is reached by the key that is open; in vain, the next has its turn."""
        place, keys = (device, host), self._accepted.get(host, ())
        key = self._open.get(place)
        if reached or len(keys) < 2 or key not in keys:  # noqa: PLR2004 (no other)
            self._vain_since.pop(place, None)
        elif now - self._vain_since.setdefault(place, now) >= self._patience(place):
            self._turn(place, keys[(keys.index(key) + 1) % len(keys)])

    def inherit(self, before: Doors) -> None:
        """Go on from how it was under another plan."""
        self._accepted = before._accepted
        self._open, self._leaves = dict(before._open), dict(before._leaves)
        self._heard = set(before._heard)

    # -- what follows

    def open(self, device: str, host: str) -> str | None:
        """The open key of a host at a device; None where the plan's alone counts."""
        return self._open.get((device, host)) if host in self._accepted else None

    def keys(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """By device and host its keys there, the open one first."""
        found = {}
        for place in self._kept():
            accepted = self._accepted[place[1]]
            first = self._open[place]
            found[place] = (first, *(key for key in accepted if key != first))
        return found

    @property
    def expects(self) -> bool:
        """Whether a host is about to turn, or has and was not heard yet."""
        return bool(self._leaves)

    # -- inside

    def _kept(self) -> Iterator[tuple[str, str]]:
        """The places of hosts with keys of their own; of others the plan's alone counts."""
        return (place for place in self._places if place[1] in self._accepted)

    def _patience(self, place: tuple[str, str]) -> float:
        return VAIN_HEARD if place in self._heard else VAIN

    def _turn(self, place: tuple[str, str], key: str) -> None:
        self._open[place] = key
        self._heard.discard(place)
        self._leaves.pop(place, None)
        self._vain_since.pop(place, None)


def _open_in(seen: Seen, device: str, keys: tuple[str, ...]) -> str | None:
    """The key that is open already, as one who was up before may have left it."""
    found = (key for key in keys if (peer := _peer(seen, device, key)) and not peer.barred)
    return next(found, None)


def _is_heard(seen: Seen, device: str, key: str) -> bool:
    peer = _peer(seen, device, key)
    return peer is not None and peer.barred and seen.contacts[device, key].received > 0


def _peer(seen: Seen, device: str, key: str) -> Peer | None:
    return seen.mesh.devices[device].peers.get(key) if device in seen.mesh.devices else None
