"""Addresses of the overlay: derived from names, so that no host's depends on another's.

- IPv4: the host's place in the network is a hash of its name, unless the inventory states its
  address. Addresses that end in 0 or 255 are left out, since devices take them for a network's own
  or for everybody's. Two names with the same place are refused, with an address that is free.
- IPv6: the prefix is a ULA (RFC 4193) of which the 40 bits of the global ID are a hash of the
  network's name, unless the inventory states one; the interface's part is a hash of the host's.

Hosts that come and go move nobody else.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import count
from typing import Final

from simulacra.hosts.inventory.derived import derived
from simulacra.hosts.inventory.problems import InventoryError, Problem
from simulacra.hosts.inventory.schema import Inventory

_ULA: Final = 0xFD << 120
_GLOBAL_BITS: Final = 40
_GLOBAL_AT: Final = 80
_MISTAKEN: Final = (0, 255)
"""Last bytes that some devices refuse, though in a network of over 256 addresses they are good."""


@dataclass(frozen=True)
class Addresses:
    """Where the hosts of an overlay are.

    Attributes:
        ipv4, ipv6: by host.
        network4, network6: what all of them are in.
    """

    network4: IPv4Network
    network6: IPv6Network
    ipv4: dict[str, IPv4Address]
    ipv6: dict[str, IPv6Address]

    def of(self, host: str) -> tuple[str, str]:
        """A host's two addresses."""
        return str(self.ipv4[host]), str(self.ipv6[host])

    def alone(self, host: str) -> tuple[str, str]:
        """A host's two addresses, each as a network of its own."""
        return f"{self.ipv4[host]}/32", f"{self.ipv6[host]}/128"

    def offset(self, host: str) -> int:
        """A host's place in the IPv4 network."""
        return int(self.ipv4[host]) - int(self.network4.network_address)


def allot(inventory: Inventory) -> Addresses:
    """The addresses of all hosts.

    Raises:
        InventoryError: hosts would have the same one, or the overlay's IPv6 network is a LAN's.
    """
    network4, network6 = inventory.network.ipv4, prefix(inventory)
    ipv4 = {name: host.address or place(name, network4) for name, host in inventory.hosts.items()}
    problems = [*_collisions(inventory, ipv4), *_overlaps(inventory, network6)]
    if problems:
        raise InventoryError(problems)
    ipv6 = {name: interface(name, network6) for name in inventory.hosts}
    return Addresses(network4, network6, ipv4, ipv6)


def place(name: str, network: IPv4Network, taken: Container[IPv4Address] = ()) -> IPv4Address:
    """The address of a name in a network, or the next that it may have besides those taken."""
    return next(each for each in _places(name, network) if each not in taken)


def _places(name: str, network: IPv4Network) -> Iterator[IPv4Address]:
    inner = network.num_addresses - 2
    for attempt in count():
        text = name if not attempt else f"{name} {attempt}"
        address = network.network_address + 1 + derived(f"host {text}") % inner
        if address.packed[-1] not in _MISTAKEN:
            yield address


def prefix(inventory: Inventory) -> IPv6Network:
    """The IPv6 network of an overlay."""
    stated = inventory.network.ipv6
    if stated is not None:
        return stated
    number = derived(f"network {inventory.network.name}", _GLOBAL_BITS)
    return IPv6Network((_ULA | number << _GLOBAL_AT, 128 - _GLOBAL_AT))


def interface(name: str, network: IPv6Network) -> IPv6Address:
    """The address of a name in the first subnet of a network; never that subnet's own."""
    return network.network_address + max(1, derived(f"host {name}"))


def _collisions(inventory: Inventory, ipv4: dict[str, IPv4Address]) -> Iterator[Problem]:
    taken: dict[IPv4Address, str] = {}
    for name, address in ipv4.items():
        other = taken.setdefault(address, name)
        if other == name:
            continue
        # Whoever states an address keeps it.
        moved = other if inventory.hosts[name].address else name
        keeps = name if moved == other else other
        free = place(moved, inventory.network.ipv4, set(ipv4.values()))
        yield Problem(
            ("hosts", moved, "address"),
            f"by its name it would be {address}, which {keeps} has: "
            f'state a free one, address = "{free}"'
            + (f", or another one for {keeps}" if inventory.hosts[keeps].address else ""),
        )


def _overlaps(inventory: Inventory, network6: IPv6Network) -> Iterator[Problem]:
    if inventory.network.ipv6 is not None:
        return
    for zone, each in inventory.zones.items():
        for number, lan in enumerate(each.lan):
            if isinstance(lan, IPv6Network) and network6.overlaps(lan):
                yield Problem(
                    ("zones", zone, "lan", number),
                    f"{lan} overlaps the overlay's network, {network6}, which is by its name: "
                    "state another one as network.ipv6",
                )
