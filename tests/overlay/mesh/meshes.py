"""Meshes out of thin air for property tests, and a model of what changes do to one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

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
from simulacra.overlay.mesh.model import (
    FROM_CLIENTS,
    FROM_RELAYS,
    MAIN,
    Contact,
    Device,
    Mesh,
    Peer,
    Route,
    Rule,
    Seen,
)
from tests.overlay.plans import key_of

NAMES = ("sim0", "simr", "sim1", "sim2")
KEYS = tuple(key_of(each) for each in "abcd")
PREFIXES = tuple(f"10.44.0.{n}/32" for n in range(6))
ENDPOINTS = ("192.0.2.1:51820", "[2001:db8::1]:51821")
MINE = (key_of("me"), key_of("me, later"))


_PORT = st.integers(1, 9)
_OURS = st.sampled_from(MINE)
_OTHERS = st.lists(st.sampled_from(KEYS), unique=True)
_ENDPOINT = st.sampled_from([None, *ENDPOINTS])
_KEEPALIVE = st.sampled_from([0, 25])
_BARRED = st.booleans()


# Strategies that depend on what was drawn are made once for each: to make one takes longer than to
# draw from it.
@cache
def _owners(keys: tuple[str, ...]) -> st.SearchStrategy[list[str | None]]:
    """For each prefix who of these peers it is allowed to."""
    size = len(PREFIXES)
    return st.lists(st.sampled_from([None, *keys]), min_size=size, max_size=size)


@cache
def _of_devices(
    names: tuple[str, ...],
) -> st.SearchStrategy[tuple[list[Route], frozenset[tuple[str, str]], frozenset[Rule]]]:
    """Routes, addresses and rules of devices of these names."""
    name, prefix = st.sampled_from(names), st.sampled_from(PREFIXES)
    tables = st.sampled_from((MAIN, FROM_CLIENTS, FROM_RELAYS))
    route = st.builds(Route, prefix, name, tables, metric=st.integers(0, 2))
    return st.tuples(
        st.lists(route, unique_by=lambda route: route.place),
        st.frozensets(st.tuples(name, prefix)),
        st.frozensets(st.builds(Rule, name, tables)),
    )


@st.composite
def devices(draw: st.DrawFn) -> Device:
    """A device, of whose peers each prefix is allowed to one at most, as WireGuard has it."""
    keys = draw(_OTHERS)
    owners = draw(_owners(tuple(keys)))
    peers = {
        key: Peer(
            frozenset(
                prefix for prefix, owner in zip(PREFIXES, owners, strict=True) if owner == key
            ),
            draw(_ENDPOINT),
            draw(_KEEPALIVE),
            draw(_BARRED),
        )
        for key in keys
    }
    return Device(draw(_PORT), draw(_OURS), peers)


_DEVICES = st.dictionaries(st.sampled_from(NAMES), devices())


@st.composite
def meshes(draw: st.DrawFn) -> Mesh:
    """A mesh whose addresses, routes and rules are of its own devices."""
    found = draw(_DEVICES)
    if not found:
        return Mesh()
    routes, addresses, rules = draw(_of_devices(tuple(sorted(found))))
    return Mesh(found, addresses, frozenset(routes), rules)


def seen_of(mesh: Mesh) -> Seen:
    """The mesh as it would be seen: endpoints are with the contacts."""
    contacts = {
        (name, key): Contact(peer.endpoint or "")
        for name, device in mesh.devices.items()
        for key, peer in device.peers.items()
    }
    bare = {
        name: replace(
            device, peers={key: replace(peer, endpoint=None) for key, peer in device.peers.items()}
        )
        for name, device in mesh.devices.items()
    }
    return Seen(replace(mesh, devices=bare), contacts)


def after(seen: Seen, changes: Iterable[Change], key: str) -> Seen:
    """What becomes of a mesh by changes, one after the other, where this host's key is ``key``."""
    for change in changes:
        seen = _one(seen, change, key)
    return seen


def _one(seen: Seen, change: Change, key: str) -> Seen:
    mesh = seen.mesh
    match change:
        case AddDevice(name, port):
            assert name not in mesh.devices
            return _with(seen, name, Device(port, key))
        case SetPort(name, port):
            return _with(seen, name, replace(mesh.devices[name], port=port))
        case Rekey(name):
            return _with(seen, name, replace(mesh.devices[name], key=key))
        case SetPeer(name, peer_key, peer):
            return _set_peer(seen, name, peer_key, peer)
        case RemovePeer(name, peer_key):
            device = mesh.devices[name]
            left = {each: peer for each, peer in device.peers.items() if each != peer_key}
            assert len(left) == len(device.peers) - 1
            return _with(seen, name, replace(device, peers=left))
        case RemoveDevice(name):
            return replace(
                seen,
                mesh=Mesh(
                    {each: device for each, device in mesh.devices.items() if each != name},
                    frozenset(each for each in mesh.addresses if each[0] != name),
                    frozenset(each for each in mesh.routes if each.device != name),
                    mesh.rules,
                ),
            )
    return replace(seen, mesh=_around(mesh, change))


def _around(mesh: Mesh, change: Change) -> Mesh:
    match change:
        case AddAddress(name, address):
            assert name in mesh.devices
            return replace(mesh, addresses=mesh.addresses | {(name, address)})
        case RemoveAddress(name, address):
            assert (name, address) in mesh.addresses
            return replace(mesh, addresses=mesh.addresses - {(name, address)})
        case SetRoute(route):
            assert not route.device or route.device in mesh.devices
            others = {each for each in mesh.routes if each.place != route.place}
            return replace(mesh, routes=frozenset(others | {route}))
        case RemoveRoute(route):
            assert route in mesh.routes
            return replace(mesh, routes=mesh.routes - {route})
        case AddRule(rule):
            return replace(mesh, rules=mesh.rules | {rule})
        case RemoveRule(rule):
            assert rule in mesh.rules
            return replace(mesh, rules=mesh.rules - {rule})
    raise AssertionError(change)


def _set_peer(seen: Seen, name: str, key: str, peer: Peer) -> Seen:
    """As WireGuard does it: what one peer gets, every other loses; an endpoint left out stays."""
    device = seen.mesh.devices[name]
    peers = {
        each: replace(other, allowed=other.allowed - peer.allowed)
        for each, other in device.peers.items()
    }
    peers[key] = replace(peer, endpoint=None)
    contacts = dict(seen.contacts)
    if peer.endpoint is not None:
        contacts[name, key] = replace(contacts.get((name, key), Contact()), endpoint=peer.endpoint)
    return replace(_with(seen, name, replace(device, peers=peers)), contacts=contacts)


def _with(seen: Seen, name: str, device: Device) -> Seen:
    return replace(seen, mesh=replace(seen.mesh, devices={**seen.mesh.devices, name: device}))
