"""From the mesh as it is to the mesh as it should be: a minimal list of changes. Pure.

What is as it should be is not touched: a peer that stays keeps its session, a route that stays is
not written again. The order is such that nothing is sent where it cannot go yet: devices and peers,
addresses, rules, routes; and what is not wanted any more goes last, in reverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from simulacra.overlay.mesh.changes import (
    AddAddress,
    AddDevice,
    AddRule,
    Change,
    Rekey,
    RemoveAddress,
    RemoveDevice,
    RemovePeer,
    RemoveRoute,
    RemoveRule,
    SetPeer,
    SetPort,
    SetRoute,
)
from simulacra.overlay.mesh.model import Contact, Device, Mesh, Peer, Seen

_SPEAK: Final = 25


def changes(wanted: Mesh, seen: Seen) -> list[Change]:
    """What to do, in order, so that the mesh is as wanted."""
    return [*_devices(wanted, seen), *_around(wanted, seen.mesh)]


def _devices(wanted: Mesh, seen: Seen) -> Iterator[Change]:
    for name, device in wanted.devices.items():
        before = seen.mesh.devices.get(name)
        if before is None:
            yield AddDevice(name, device.port)
            before = Device(device.port, device.key)
        if device.port not in (0, before.port):
            yield SetPort(name, device.port)
        if device.key != before.key:
            yield Rekey(name)
        for key, peer in device.peers.items():
            contact = seen.contacts.get((name, key), Contact())
            is_ = before.peers.get(key)
            if is_ is not None and is_.barred and not peer.barred:
                yield from _opened(name, key, peer, contact)
            elif not _is_so(peer, is_, contact):
                yield SetPeer(name, key, peer, afresh=is_ is not None and peer.barred)
        # Last: what one peer may send from goes over to another at one stroke.
        yield from (RemovePeer(name, key) for key in before.peers if key not in device.peers)


def _opened(device: str, key: str, peer: Peer, contact: Contact) -> Iterator[Change]:
    """What was agreed with a key that was barred is of no use: begin with it at once.

    A device speaks to a peer when it is first told to keep in touch with it.
    """
    place = peer.endpoint or contact.endpoint or None
    yield SetPeer(device, key, replace(peer, endpoint=place, keepalive=_SPEAK), afresh=True)
    if peer.keepalive != _SPEAK:
        yield SetPeer(device, key, peer)


def _is_so(peer: Peer, before: Peer | None, contact: Contact) -> bool:
    return (
        before is not None
        and replace(peer, endpoint=None) == before
        and peer.endpoint in (None, contact.endpoint)
    )


def _around(wanted: Mesh, is_: Mesh) -> Iterator[Change]:
    """Addresses, rules and routes, and at last what is too much, devices too."""
    gone = is_.devices.keys() - wanted.devices.keys()
    yield from (AddAddress(*each) for each in sorted(wanted.addresses - is_.addresses))
    yield from (AddRule(each) for each in sorted(wanted.rules - is_.rules))
    fresh = sorted(wanted.routes - is_.routes, key=lambda route: route.place)
    yield from (SetRoute(each) for each in fresh)
    places = {each.place for each in wanted.routes}
    stale = sorted(is_.routes - wanted.routes, key=lambda route: route.place)
    for route in stale:
        # A route that has another in its place is gone by that, and others go with their device.
        if route.place not in places and route.device not in gone:
            yield RemoveRoute(route)
    yield from (RemoveRule(each) for each in sorted(is_.rules - wanted.rules))
    for device, address in sorted(is_.addresses - wanted.addresses):
        if device not in gone:
            yield RemoveAddress(device, address)
    yield from (RemoveDevice(each) for each in sorted(gone))
