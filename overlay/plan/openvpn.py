"""OpenVPN, on TCP, where UDP is blocked: what relays serve, and how hosts come to them.

Each relay that serves has a small network of its own: the private network as large as the overlay's
that is so many after it as the relay's number says, counted round where there are fewer. A host's
place there is its place in the overlay, so that nothing has to be allotted. Hosts with a shared key
have a port of their own at each server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from ipaddress import IPv4Network
from itertools import cycle, islice
from typing import Final, TypedDict

from simulacra.hosts.inventory.abilities import SERVER_PORT
from simulacra.hosts.inventory.derived import derived
from simulacra.hosts.inventory.problems import Problem
from simulacra.hosts.inventory.ranges import NUMBERS, split
from simulacra.hosts.inventory.schema import Host
from simulacra.overlay.plan.document import OpenVpnServer
from simulacra.overlay.plan.layout import Layout

OLD_PORTS: Final = range(11940, 12940)
"""Where ports of hosts with a shared key are from."""

_PRIVATE: Final = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
)


class Way(TypedDict, total=False):
    """What a relay's entry says of OpenVPN."""

    openvpn: tuple[str, ...]
    inside: str
    fingerprint: str


def is_old(host: Host) -> bool:
    """Whether a host speaks OpenVPN's old form, and no WireGuard."""
    return host.openvpn is not None and host.openvpn.shared_key


def serves(host: Host) -> bool:
    """Whether a host takes clients by OpenVPN."""
    return host.openvpn is not None and host.openvpn.serves and host.wireguard is not None


def old_port(name: str, host: Host) -> int:
    """The port that servers have for a host with a shared key alone."""
    if host.openvpn is not None and host.openvpn.port is not None:
        return host.openvpn.port
    return OLD_PORTS[derived(f"shared key {name}") % len(OLD_PORTS)]


def server_port(host: Host) -> int:
    """The TCP port of a server."""
    return (host.openvpn.port if host.openvpn else None) or SERVER_PORT


def way(name: str, relay: str, layout: Layout) -> Way:
    """How a host comes to a relay by OpenVPN; empty if one of them does not speak it."""
    host, server = layout.host(name), layout.host(relay)
    if host.openvpn is None or host.relay or not serves(server):
        return {}
    if is_old(host):
        return {"openvpn": _at(server, old_port(name, host)), "inside": inside(relay, layout)}
    if host.openvpn.fingerprint is None or server.openvpn is None:
        return {}
    return {
        "openvpn": _at(server, server_port(server)),
        "inside": inside(relay, layout),
        "fingerprint": server.openvpn.fingerprint or "",
    }


def _at(server: Host, port: int) -> tuple[str, ...]:
    return tuple(f"{split(each, 0)[0]}:{port}" for each in server.endpoints)


def server(name: str, layout: Layout) -> OpenVpnServer | None:
    """A host's server, if it has one."""
    host = layout.host(name)
    if not serves(host):
        return None
    network = network_of(name, layout)
    clients = {
        each: (other.openvpn.fingerprint, _address(each, network, layout))
        for each, other in sorted(layout.inventory.hosts.items())
        if other.openvpn and other.openvpn.fingerprint and other.wireguard and not other.relay
    }
    shared = {
        each: old_port(each, other)
        for each, other in sorted(layout.inventory.hosts.items())
        if is_old(other)
    }
    address = _address(name, network, layout)
    return OpenVpnServer(server_port(host), str(network), address, clients, shared)


def inside(relay: str, layout: Layout) -> str:
    """A relay's address in its server's network."""
    return _address(relay, network_of(relay, layout), layout)


def network_of(relay: str, layout: Layout) -> IPv4Network:
    """The network of a relay's server."""
    return _numbered(layout.addresses.network4)[layout.numbers[relay]]


@cache
def _numbered(overlay: IPv4Network) -> dict[int, IPv4Network]:
    """The network of a server beside this overlay, by its relay's number."""
    return dict(zip(NUMBERS, cycle(islice(_candidates(overlay), len(NUMBERS))), strict=False))


def _candidates(overlay: IPv4Network) -> Iterator[IPv4Network]:
    """The private networks of the overlay's size: first those after it, where it is private."""
    after = [private for private in _PRIVATE if overlay.subnet_of(private)]
    for private in after:
        first, last = int(overlay.broadcast_address) + 1, int(private.broadcast_address)
        for start in range(first, last, overlay.num_addresses):
            yield IPv4Network((start, overlay.prefixlen))
    for private in _PRIVATE:
        if private.prefixlen <= overlay.prefixlen:
            for each in private.subnets(new_prefix=overlay.prefixlen):
                if private not in after or each < overlay:
                    yield each


def _address(name: str, network: IPv4Network, layout: Layout) -> str:
    return str(network.network_address + layout.addresses.offset(name))


def check(layout: Layout) -> Iterator[Problem]:
    """What is wrong with the networks of servers and the ports of hosts that have a shared key."""
    yield from _networks(layout)
    yield from _ports(layout)


def _networks(layout: Layout) -> Iterator[Problem]:
    taken = {
        lan: f"the LAN {lan} of zone {name}"
        for name, zone in layout.inventory.zones.items()
        for lan in zone.lan
        if isinstance(lan, IPv4Network)
    }
    for name in layout.numbers:
        if not serves(layout.host(name)):
            continue
        network = network_of(name, layout)
        others = [what for each, what in taken.items() if network.overlaps(each)]
        if not others:
            taken[network] = f"that of {name}"
            continue
        free = _free(layout, taken)
        if free is None:
            yield Problem(
                ("hosts", name, "openvpn", "serves"),
                "no private network of the overlay's size is left for it: take a smaller "
                "network.ipv4",
            )
        else:
            yield Problem(
                ("hosts", name, "number"),
                f"by its number its OpenVPN would have the network {network}, which overlaps "
                f"{others[0]}: state a free one, number = {free}",
            )


def _free(layout: Layout, taken: Iterable[IPv4Network]) -> int | None:
    """A number that no relay has and whose network is free."""
    had = set(layout.numbers.values())
    for number, network in _numbered(layout.addresses.network4).items():
        if number not in had and not any(network.overlaps(each) for each in taken):
            return number
    return None


def _ports(layout: Layout) -> Iterator[Problem]:
    hosts = layout.inventory.hosts
    taken = {
        port: name
        for name, host in hosts.items()
        if serves(host)
        for port in (server_port(host), host.ssh.port if host.ssh else 0)
    }
    for name, host in hosts.items():
        if not is_old(host):
            continue
        port = old_port(name, host)
        if port in taken:
            free = next(each for each in OLD_PORTS if each not in taken)
            yield Problem(
                ("hosts", name, "openvpn", "port"),
                f"{port} is a port of {taken[port]}: state a free one, port = {free}",
            )
        taken[port] = name
