"""Wake-on-LAN: who sends the magic packet, and by which of its networks.

A magic packet is a broadcast, which no router passes on: a host of the sleeper's own zone sends it.
It goes out by every network card that can broadcast, to that network's own broadcast address,
since 255.255.255.255 would leave by one of them only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import Final

PORT: Final = 9
"""Discard: nothing answers there; the card looks at the bytes, not at the port."""
_NO_BROADCAST: Final = 31
"""From this prefix on, a network has no address for all of it."""


@dataclass(frozen=True, slots=True)
class Card:
    """A network card.

    Attributes:
        name: of the device.
        is_up: whether it carries packets.
        broadcasts: whether what is behind it is a LAN; not so for tunnels.
        addresses: its IPv4 addresses, as ``ADDRESS/PREFIX``.
    """

    name: str
    is_up: bool
    broadcasts: bool
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """A network by which a packet goes out: from which address, to which."""

    source: str
    target: str


def ways(cards: Iterable[Card]) -> tuple[Way, ...]:
    """The networks that hear a broadcast of this host."""
    addresses = [
        IPv4Interface(address)
        for card in cards
        if card.is_up and card.broadcasts
        for address in card.addresses
    ]
    found = [
        Way(str(each.ip), str(each.network.broadcast_address))
        for each in addresses
        if each.network.prefixlen < _NO_BROADCAST and not each.is_loopback
    ]
    return tuple(dict.fromkeys(found))


def senders(zone: str, hosts: Mapping[str, str | None], here: str) -> Sequence[str]:
    """Which hosts can wake one in a zone, the best first: this one, then by name.

    Args:
        zone: the sleeper's.
        hosts: the zones of those that are awake and in reach, with this host.
        here: this host.
    """
    near = [host for host, of in hosts.items() if of == zone]
    return sorted(near, key=lambda host: (host != here, host))


def cards() -> tuple[Card, ...]:
    """This machine's network cards."""
    import socket  # noqa: PLC0415 - kept beside psutil, whose constants it has

    import psutil  # noqa: PLC0415

    told = psutil.net_if_stats()
    return tuple(
        Card(
            name,
            name in told and told[name].isup,
            name in told and "broadcast" in told[name].flags.split(","),
            tuple(
                f"{each.address}/{each.netmask}"
                for each in addresses
                if each.family == socket.AF_INET and each.netmask
            ),
        )
        for name, addresses in psutil.net_if_addrs().items()
    )


def send(mac: str, networks: Iterable[Way]) -> tuple[list[Way], list[str]]:
    """Send a magic packet by each of these networks; by which it went, and what kept the others.

    Raises:
        ModuleNotFoundError: the package wakeonlan is not installed.
    """
    import wakeonlan  # noqa: PLC0415 (an extra, which only who wakes needs)

    went, failed = [], []
    for each in networks:
        try:
            wakeonlan.wake(mac, host=each.target, port=PORT, interface=each.source)
        except OSError as error:
            failed.append(f"{each.target}: {error.strerror or error}")
        else:
            went.append(each)
    return went, failed
