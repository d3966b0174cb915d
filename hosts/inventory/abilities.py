"""What a host can be, given what it is: relays, OpenVPN, phones and appliances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simulacra.hosts.inventory.problems import Problem
from simulacra.hosts.inventory.schema import Host, Inventory, Kind

SERVER_PORT: Final = 443
"""Where OpenVPN takes clients unless the inventory says otherwise."""

_NOT_OF_PHONES: Final = {
    "next": "another key of a phone's takes the place of the one before",
    "ssh": "nothing is deployed to a phone",
    "endpoints": "nobody is the first to speak to a phone",
    "lan": "a phone is a client of relays only",
    "openvpn": "a phone speaks WireGuard",
    "cloud": "a phone is not rented",
    "mac": "a phone is not woken",
}


def check(inventory: Inventory) -> Iterator[Problem]:
    """Everything that is wrong with what hosts are to be."""
    for name, host in inventory.hosts.items():
        if host.relay:
            yield from _relay(name, host)
        elif host.number is not None:
            yield Problem(
                ("hosts", name, "number"),
                "is a relay's: say relay = true, or take it away",
            )
        if host.next is not None and host.wireguard is None:
            yield Problem(
                ("hosts", name, "next"), "stands where there is no key yet: say it as wireguard"
            )
        if host.openvpn is not None:
            yield from _openvpn(name, host)
        if host.kind is Kind.PHONE:
            yield from _phone(name, host)
        elif host.given is not None:
            yield Problem(("hosts", name, "given"), f"is a phone's: {name} is a {host.kind}")
        if host.kind is Kind.APPLIANCE and host.ssh is None:
            yield Problem(
                ("hosts", name, "ssh"),
                "is missing: an appliance has no node, and is reached by ssh only",
            )
    yield from _needing_relays(inventory)


def _relay(name: str, host: Host) -> Iterator[Problem]:
    if not host.endpoints:
        yield Problem(
            ("hosts", name, "endpoints"),
            "is empty, but a relay answers from outside: say where, as in nas.example.org, or "
            "take relay away",
        )
    if host.kind is not Kind.NODE:
        yield Problem(("hosts", name, "relay"), f"a relay has a node, and a {host.kind} has none")


def _openvpn(name: str, host: Host) -> Iterator[Problem]:
    openvpn, at = host.openvpn, ("hosts", name, "openvpn")
    if openvpn is None:
        return
    if openvpn.serves and not host.relay:
        yield Problem(
            (*at, "serves"), "only a relay serves OpenVPN: say relay = true, or take serves away"
        )
    if openvpn.serves and openvpn.fingerprint is None:
        yield Problem((*at, "fingerprint"), "is missing: clients know a server by its certificate")
    if openvpn.serves and host.ssh is not None and host.ssh.port == (openvpn.port or SERVER_PORT):
        yield Problem((*at, "port"), f"{host.ssh.port} is the port of its ssh already")
    if not openvpn.shared_key:
        return
    for field, stated in (
        (("wireguard",), host.wireguard),
        (("relay",), host.relay),
        (("openvpn", "serves"), openvpn.serves),
        (("openvpn", "fingerprint"), openvpn.fingerprint),
    ):
        if stated:
            yield Problem(
                ("hosts", name, *field),
                "cannot stand beside openvpn.shared_key: such a host speaks OpenVPN's old form "
                "only",
            )


def _phone(name: str, host: Host) -> Iterator[Problem]:
    for field, why in _NOT_OF_PHONES.items():
        if getattr(host, field):
            yield Problem(("hosts", name, field), f"is not a phone's: {why}")


def _needing_relays(inventory: Inventory) -> Iterator[Problem]:
    relays = [host for host in inventory.hosts.values() if host.relay]
    serves = any(host.openvpn and host.openvpn.serves for host in relays)
    for name, host in inventory.hosts.items():
        if host.kind is Kind.PHONE and not relays:
            yield Problem(
                ("hosts", name, "kind"),
                "a phone is a client of relays, and there is none: say relay = true for a host "
                "with endpoints",
            )
        if host.openvpn and host.openvpn.shared_key and not serves:
            yield Problem(
                ("hosts", name, "openvpn", "shared_key"),
                "needs a relay that serves OpenVPN, and there is none: say "
                "openvpn = {serves = true, ...} for a relay",
            )
