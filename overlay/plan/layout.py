"""What the parts of a plan are computed from: the inventory, the addresses, the relays' numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulacra.hosts.inventory.ranges import joined, numbers, port_of
from simulacra.hosts.inventory.schema import Host, Inventory, Kind
from simulacra.overlay.plan.addresses import Addresses, allot


@dataclass(frozen=True)
class Layout:
    """An inventory with what follows for the network as a whole.

    Attributes:
        numbers: of the relays, in their order; also of those that have no key yet.
    """

    inventory: Inventory
    addresses: Addresses
    numbers: dict[str, int]

    @classmethod
    def of(cls, inventory: Inventory) -> Layout:
        """The layout of an inventory.

        Raises:
            InventoryError: its addresses collide.
        """
        return cls(inventory, allot(inventory), numbers(inventory))

    def host(self, name: str) -> Host:
        """A host of the inventory."""
        return self.inventory.hosts[name]

    def key(self, name: str) -> str:
        """A host's public key; empty while it has none."""
        return self.host(name).wireguard or ""

    def port(self, name: str) -> int:
        """A host's UDP port in the overlay."""
        return port_of(self.host(name), self.inventory)

    def meshed(self) -> Iterator[str]:
        """The hosts that have direct peers."""
        for name, host in self.inventory.hosts.items():
            if host.wireguard and host.kind is not Kind.PHONE:
                yield name

    def relays(self) -> Iterator[str]:
        """The relays that have a key."""
        return (name for name in self.numbers if self.key(name))

    def insiders(self) -> Iterator[str]:
        """The hosts that are no phones."""
        for name, host in self.inventory.hosts.items():
            if host.kind is not Kind.PHONE:
                yield name

    def endpoints(self, of: str, seen_from: str, further: int = 0) -> tuple[str, ...]:
        """Where a host answers another, best first, at its port or one of those after it."""
        host = self.host(of)
        other = self.host(seen_from)
        # A phone is on the road, whatever its zone.
        near = host.lan if host.zone == other.zone and other.kind is not Kind.PHONE else ()
        port = self.port(of)
        return tuple(dict.fromkeys(joined(e, port, further) for e in (*near, *host.endpoints)))
