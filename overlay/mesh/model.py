"""What a host's part of the mesh is made of: devices, peers, addresses, routes, rules. Pure data.

The same form says how it should be and how it is. What may stand in it is checked here, since the
helper, which is privileged, is told it by a process that is not: a device has one of the overlay's
names, an address is one, a key is a key.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface, ip_network
from typing import Final

from simulacra.hosts.inventory.keys import raw_key

DIRECT: Final = "sim0"
"""The device for direct peers."""
CLIENTS: Final = "simr"
"""A relay's device for its clients."""

MAIN: Final = 254
FROM_CLIENTS: Final = 7701
FROM_RELAYS: Final = 7702
"""Routing tables: the machine's own; for what came from a relay's clients; from other relays."""
TABLES: Final = frozenset({MAIN, FROM_CLIENTS, FROM_RELAYS})

PROBING: Final = 7700
"""The metric of routes that count only for what is sent by one device on purpose."""

_DEVICE: Final = re.compile(r"sim(r|0|[1-9][0-9]{0,3})")
_ENDPOINT: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})")
MAX_PORT: Final = 65535
_MAX_METRIC: Final = 2**32 - 1


class ModelError(ValueError):
    """Something that should be in a mesh cannot be: the text says what."""


def check_device(name: str) -> None:
    """Raise a ModelError unless it is a name of a device of the overlay."""
    if _DEVICE.fullmatch(name) is None:
        raise ModelError(f"{name!r} is no device of the overlay (sim0, simr, sim1 ...)")


def check_key(key: str) -> None:
    """Raise a ModelError unless it is a key as WireGuard has it: 32 bytes in base64."""
    try:
        raw_key(key)
    except ValueError:
        raise ModelError(f"{key!r} is no WireGuard key") from None


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """ADDRESS and PORT of ``ADDRESS:PORT`` or ``[IPV6]:PORT``.

    Raises:
        ModelError: it is no such thing; a name counts as none.
    """
    found = _ENDPOINT.fullmatch(endpoint)
    if found is not None and 0 < int(found[3]) <= MAX_PORT:
        with contextlib.suppress(ValueError):
            return str(ip_address(found[1] or found[2])), int(found[3])
    raise ModelError(f"{endpoint!r} is no endpoint (192.0.2.7:51820)")


def check_interface(address: str) -> None:
    """Raise a ModelError unless it is an ADDRESS/PREFIX, as a device has it."""
    try:
        plain = "/" in address and str(ip_interface(address)) == address
    except ValueError:
        plain = False
    if not plain:
        raise ModelError(f"{address!r} is no ADDRESS/PREFIX (10.44.0.7/32)")


def _check_prefix(prefix: str) -> None:
    try:
        plain = str(ip_network(prefix)) == prefix
    except ValueError:
        plain = False
    if not plain:
        raise ModelError(f"{prefix!r} is no prefix (10.44.0.7/32)")


def _check_address(address: str) -> None:
    try:
        ip_address(address)
    except ValueError as error:
        raise ModelError(f"{address!r} is no address") from error


def _check_range(what: str, number: int, first: int, last: int) -> None:
    if not first <= number <= last:
        raise ModelError(f"the {what} {number} is not from {first} to {last}")


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody at the other end of a device.

    Attributes:
        allowed: what it may send from.
        endpoint: where to send to; None: whatever it is, since it moves by itself.
        keepalive: seconds; 0 for none.
        barred: it is heard when it begins to agree on keys, and cannot finish.
    """

    allowed: frozenset[str]
    endpoint: str | None = None
    keepalive: int = 0
    barred: bool = False

    def __post_init__(self) -> None:
        for prefix in self.allowed:
            _check_prefix(prefix)
        if self.endpoint is not None:
            split_endpoint(self.endpoint)
        _check_range("keepalive", self.keepalive, 0, MAX_PORT)


@dataclass(frozen=True, slots=True)
class Device:
    """A WireGuard device.

    Attributes:
        port: where it listens; 0: wherever.
        key: its public key.
        peers: by public key.
    """

    port: int
    key: str
    peers: dict[str, Peer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """Where packets to a prefix go.

    Attributes:
        to: the prefix.
        device: by which; empty: nowhere, the sender is told that it is unreachable.
        table: in which table.
        source: the sender's address, where it has none yet; empty: any.
        metric: of several, the lowest counts.
    """

    to: str
    device: str
    table: int = MAIN
    source: str = ""
    metric: int = 0

    def __post_init__(self) -> None:
        _check_prefix(self.to)
        if self.device:
            check_device(self.device)
        if self.source:
            _check_address(self.source)
        if self.table not in TABLES:
            raise ModelError(f"the overlay has no table {self.table}")
        _check_range("metric", self.metric, 0, _MAX_METRIC)

    @property
    def place(self) -> tuple[str, int, int]:
        """What there is one route for: prefix, table and metric."""
        return self.to, self.table, self.metric


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """What came in by a device is routed by a table of its own; for IPv4 and IPv6 alike."""

    device: str
    table: int

    def __post_init__(self) -> None:
        check_device(self.device)
        if self.table not in TABLES:
            raise ModelError(f"the overlay has no table {self.table}")


@dataclass(frozen=True, slots=True)
class Mesh:
    """A host's part of the mesh, as it should be or as it is.

    Attributes:
        devices: by name.
        addresses: of devices, as (device, ``ADDRESS/PREFIX``).
        routes: those of the overlay.
        rules: likewise; their devices pass on what is not for this host.
    """

    devices: dict[str, Device] = field(default_factory=dict)
    addresses: frozenset[tuple[str, str]] = frozenset()
    routes: frozenset[Route] = frozenset()
    rules: frozenset[Rule] = frozenset()


@dataclass(frozen=True, slots=True)
class Contact:
    """How it stands between a device and a peer.

    Attributes:
        endpoint: where it was last heard from, or is tried; empty: nowhere.
        handshake: when keys were last agreed, seconds since the epoch; 0: never.
        received: bytes.
        sent: bytes.
    """

    endpoint: str = ""
    handshake: float = 0.0
    received: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """The mesh as it is.

    Attributes:
        mesh: in which every peer's endpoint is None, since those move: see ``contacts``.
        contacts: by device and key.
        backend: ``kernel`` or ``userspace``.
        at: when it was so, seconds since the epoch.
        outside: whether the helper guards the host outside of the overlay, too.
    """

    mesh: Mesh
    contacts: dict[tuple[str, str], Contact] = field(default_factory=dict)
    backend: str = ""
    at: float = 0.0
    outside: bool = False
