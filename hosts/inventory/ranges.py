"""What networks, addresses and ports of an inventory must be together."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from simulacra.hosts.inventory.derived import derived
from simulacra.hosts.inventory.problems import Path, Problem
from simulacra.hosts.inventory.schema import Host, Inventory

MAX_PORT: Final = 65535
LONGEST_IPV6: Final = 64
"""The longest prefix of the overlay's IPv6 network: a host's part has 64 bits."""
SHORTEST_IPV4: Final = 12
NUMBERS: Final = range(1, 256)
"""The numbers that relays may have."""
_SPARE: Final = 16
"""How many times more addresses than hosts there must be, so that few names collide."""


def split(endpoint: str, port: int) -> tuple[str, int]:
    """An endpoint's host and port, which is another one where none is stated."""
    host, colon, stated = endpoint.rpartition(":")
    if not colon or endpoint.endswith("]"):
        return endpoint, port
    return host, int(stated)


def joined(endpoint: str, port: int, further: int = 0) -> str:
    """An endpoint with its port, or one of those after it."""
    host, stated = split(endpoint, port)
    return f"{host}:{stated + further}"


def numbers(inventory: Inventory) -> dict[str, int]:
    """The relays' numbers, in their order: a relay's is by its name, and nobody else's matter."""
    found = (
        (host.number or NUMBERS[derived(f"relay {name}") % len(NUMBERS)], name)
        for name, host in inventory.hosts.items()
        if host.relay
    )
    return {name: number for number, name in sorted(found)}


def port_of(host: Host, inventory: Inventory) -> int:
    """The UDP port of a host in the overlay."""
    return host.port or inventory.network.port


def ports_after(name: str, inventory: Inventory) -> list[int]:
    """How far after a host's own port those are that it uses besides.

    A relay has one for clients, and after that one for each other relay, by the other's number.
    """
    if not inventory.hosts[name].relay:
        return []
    return [1, *(1 + each for other, each in numbers(inventory).items() if other != name)]


def ports_used(endpoint: str, name: str, inventory: Inventory) -> Iterator[str]:
    """What a host uses at an endpoint, as ``HOST:PORT``."""
    port = port_of(inventory.hosts[name], inventory)
    for further in (0, *ports_after(name, inventory)):
        yield joined(endpoint, port, further)


def check(inventory: Inventory) -> Iterator[Problem]:
    """Everything that is wrong with networks, addresses and ports."""
    yield from _overlay(inventory)
    for name, host in inventory.hosts.items():
        yield from _stated(name, host, inventory)
        yield from _endpoints(name, host, inventory)
        yield from _ports(name, host, inventory)
    yield from _numbers(inventory)


def _overlay(inventory: Inventory) -> Iterator[Problem]:
    network = inventory.network
    if network.ipv4.prefixlen < SHORTEST_IPV4:
        yield Problem(
            ("network", "ipv4"),
            f"{network.ipv4} is too large: its prefix is /{SHORTEST_IPV4} or longer, so that "
            "relays have room for as large networks beside it",
        )
    room = network.ipv4.num_addresses - 2
    if room < _SPARE * len(inventory.hosts):
        yield Problem(
            ("network", "ipv4"),
            f"{network.ipv4} has room for {max(room, 0)} hosts, too few for addresses by name: "
            "take a larger network, as in 10.44.0.0/16",
        )
    if network.ipv6 is not None and network.ipv6.prefixlen > LONGEST_IPV6:
        yield Problem(
            ("network", "ipv6"), f"{network.ipv6} is too small: its prefix is /64 or shorter"
        )
    for zone, each in inventory.zones.items():
        for number, lan in enumerate(each.lan):
            for overlay in (network.ipv4, network.ipv6):
                if overlay is not None and overlay.version == lan.version and overlay.overlaps(lan):
                    yield Problem(
                        ("zones", zone, "lan", number),
                        f"{lan} overlaps the overlay's network, {overlay}: "
                        "choose another one for the overlay",
                    )


def _stated(name: str, host: Host, inventory: Inventory) -> Iterator[Problem]:
    network = inventory.network.ipv4
    if host.address is None:
        return
    if host.address not in network or host.address in {
        network.network_address,
        network.broadcast_address,
    }:
        yield Problem(
            ("hosts", name, "address"),
            f"{host.address} is no host's address in the overlay's network, {network}",
        )


def _endpoints(name: str, host: Host, inventory: Inventory) -> Iterator[Problem]:
    zone = inventory.zones.get(host.zone)
    for field, endpoints in (("endpoints", host.endpoints), ("lan", host.lan)):
        for number, endpoint in enumerate(endpoints):
            path: Path = ("hosts", name, field, number)
            address = _literal(endpoint)
            if address is None:
                continue
            if _in_overlay(address, inventory):
                yield Problem(path, f"{endpoint} is in the overlay, which is reached through it")
            elif field == "lan" and zone and zone.lan and not any(address in n for n in zone.lan):
                networks = ", ".join(map(str, zone.lan))
                yield Problem(path, f"{endpoint} is in no LAN of zone {host.zone}: {networks}")


def _literal(endpoint: str) -> IPv4Address | IPv6Address | None:
    """The address that an endpoint is, unless it is a name."""
    try:
        return ip_address(split(endpoint, 0)[0].strip("[]"))
    except ValueError:
        return None


def _in_overlay(address: IPv4Address | IPv6Address, inventory: Inventory) -> bool:
    network = inventory.network
    return address in network.ipv4 or (network.ipv6 is not None and address in network.ipv6)


def _ports(name: str, host: Host, inventory: Inventory) -> Iterator[Problem]:
    after = max(ports_after(name, inventory), default=0)
    for path, port in (
        (("hosts", name, "port"), port_of(host, inventory)),
        *(
            (("hosts", name, "endpoints", number), split(each, 1)[1])
            for number, each in enumerate(host.endpoints)
        ),
    ):
        if port + after > MAX_PORT:
            yield Problem(
                path, f"{port} is too high: a relay uses ports after it, here up to {port + after}"
            )


def _numbers(inventory: Inventory) -> Iterator[Problem]:
    found = numbers(inventory)
    first: dict[int, str] = {}
    for name in sorted(found, key=lambda each: inventory.hosts[each].number is None):
        other = first.setdefault(found[name], name)
        if other != name:
            free = next((each for each in NUMBERS if each not in found.values()), None)
            yield Problem(
                ("hosts", name, "number"),
                f"would be {found[name]}, which {other} has: "
                + (f"state a free one, number = {free}" if free else "no other is left"),
            )
