"""Single changes to a host's part of the mesh, and how they are put into bytes for the helper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, TypeAlias, get_args

from simulacra.overlay.mesh.model import (
    MAX_PORT,
    Contact,
    Device,
    Mesh,
    ModelError,
    Peer,
    Route,
    Rule,
    Seen,
    check_device,
    check_interface,
    check_key,
)


@dataclass(frozen=True, slots=True)
class AddDevice:
    """Make a device, which gets this host's key."""

    device: str
    port: int


@dataclass(frozen=True, slots=True)
class RemoveDevice:
    """Take a device away, with its addresses and routes."""

    device: str


@dataclass(frozen=True, slots=True)
class SetPort:
    """Have a device listen elsewhere."""

    device: str
    port: int


@dataclass(frozen=True, slots=True)
class Rekey:
    """Give a device this host's present key."""

    device: str


@dataclass(frozen=True, slots=True)
class SetPeer:
    """Have a peer be so, whether it is there already or not.

    Attributes:
        peer: its endpoint None leaves that as it is.
        afresh: forget what was agreed with it, so that keys are agreed anew at once.
    """

    device: str
    key: str
    peer: Peer
    afresh: bool = False


@dataclass(frozen=True, slots=True)
class RemovePeer:
    """Let nothing of a peer in, and send it nothing."""

    device: str
    key: str


@dataclass(frozen=True, slots=True)
class AddAddress:
    """Give a device an address."""

    device: str
    address: str


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    """Take an address away from a device."""

    device: str
    address: str


@dataclass(frozen=True, slots=True)
class SetRoute:
    """Have this route in its place, instead of what is there: no packet falls in between."""

    route: Route


@dataclass(frozen=True, slots=True)
class RemoveRoute:
    """Take a route away."""

    route: Route


@dataclass(frozen=True, slots=True)
class AddRule:
    """Have what comes in by a device routed by a table, and passed on."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class RemoveRule:
    """Undo that."""

    rule: Rule


Change: TypeAlias = (
    AddDevice
    | RemoveDevice
    | SetPort
    | Rekey
    | SetPeer
    | RemovePeer
    | AddAddress
    | RemoveAddress
    | SetRoute
    | RemoveRoute
    | AddRule
    | RemoveRule
)


# -- as plain data


def change_to_plain(change: Change) -> list[Any]:
    """A change as a list that begins with its kind."""
    values = [getattr(change, each.name) for each in fields(change)]
    return [type(change).__name__, *map(_to_plain, values)]


def change_from_plain(plain: object) -> Change:
    """What `change_to_plain` gave, checked in every part.

    Raises:
        ModelError: it is no change, or not one that the overlay has.
    """
    if not (isinstance(plain, list) and plain and plain[0] in _KINDS):
        raise ModelError("this is no change to a mesh")
    kind = _KINDS[plain[0]]
    names = [each.name for each in fields(kind)]
    if len(names) != len(plain) - 1:
        raise ModelError(f"{plain[0]} has {', '.join(names)}, and not {len(plain) - 1} values")
    pairs = zip(names, plain[1:], strict=True)
    change: Change = kind(**{name: _READERS[name](value) for name, value in pairs})
    return change


def seen_to_plain(seen: Seen) -> dict[str, Any]:
    """The mesh as it is, as plain data."""
    mesh = seen.mesh
    return {
        "backend": seen.backend,
        "outside": seen.outside,
        "at": seen.at,
        "devices": {
            name: [device.port, device.key, {k: _peer_to_plain(p) for k, p in device.peers.items()}]
            for name, device in mesh.devices.items()
        },
        "addresses": [list(each) for each in sorted(mesh.addresses)],
        "routes": [_route_to_plain(each) for each in mesh.routes],
        "rules": [[each.device, each.table] for each in sorted(mesh.rules)],
        "contacts": [
            [device, key, each.endpoint, each.handshake, each.received, each.sent]
            for (device, key), each in seen.contacts.items()
        ],
    }


def seen_from_plain(plain: Mapping[str, Any]) -> Seen:
    """What `seen_to_plain` gave."""
    mesh = Mesh(
        {
            name: Device(port, key, {k: _peer_from_plain(p) for k, p in peers.items()})
            for name, (port, key, peers) in plain["devices"].items()
        },
        frozenset((device, address) for device, address in plain["addresses"]),
        frozenset(_route_from_plain(each) for each in plain["routes"]),
        frozenset(Rule(device, table) for device, table in plain["rules"]),
    )
    contacts = {(device, key): Contact(*rest) for device, key, *rest in plain["contacts"]}
    return Seen(mesh, contacts, plain["backend"], plain["at"], plain.get("outside", False))


def _to_plain(value: object) -> Any:
    match value:
        case Peer():
            return _peer_to_plain(value)
        case Route():
            return _route_to_plain(value)
        case Rule(device, table):
            return [device, table]
    return value


def _peer_to_plain(peer: Peer) -> list[Any]:
    return [sorted(peer.allowed), peer.endpoint, peer.keepalive, peer.barred]


def _peer_from_plain(plain: object) -> Peer:
    match plain:
        case [[*allowed], str() | None as endpoint, int(keepalive), bool(barred)]:
            return Peer(frozenset(map(_text, allowed)), endpoint, keepalive, barred)
    raise ModelError("this is no peer")


def _route_to_plain(route: Route) -> list[Any]:
    return [route.to, route.device, route.table, route.source, route.metric]


def _route_from_plain(plain: object) -> Route:
    match plain:
        case [str(to), str(device), int(table), str(source), int(metric)]:
            return Route(to, device, table, source, metric)
    raise ModelError("this is no route")


def _rule_from_plain(plain: object) -> Rule:
    match plain:
        case [str(device), int(table)]:
            return Rule(device, table)
    raise ModelError("this is no rule")


def _text(plain: object) -> str:
    if not isinstance(plain, str):
        raise ModelError(f"{plain!r} is no text")
    return plain


def _device(plain: object) -> str:
    device = _text(plain)
    check_device(device)
    return device


def _key(plain: object) -> str:
    key = _text(plain)
    check_key(key)
    return key


def _port(plain: object) -> int:
    if type(plain) is not int or not 0 <= plain <= MAX_PORT:
        raise ModelError(f"{plain!r} is no port")
    return plain


def _flag(plain: object) -> bool:
    if type(plain) is not bool:
        raise ModelError(f"{plain!r} is neither true nor false")
    return plain


def _address(plain: object) -> str:
    address = _text(plain)
    check_interface(address)
    return address


_KINDS: Final[Mapping[str, Any]] = {each.__name__: each for each in get_args(Change)}
_READERS: Final[Mapping[str, Callable[[object], Any]]] = {
    "device": _device,
    "port": _port,
    "key": _key,
    "peer": _peer_from_plain,
    "afresh": _flag,
    "address": _address,
    "route": _route_from_plain,
    "rule": _rule_from_plain,
}
