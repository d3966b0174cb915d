"""What a host's firewall lets in, from outside of the overlay and from within.

Hosts trust one another to run code, so nodes reach each other's nodes, and every host that is no
phone reaches ssh. Beyond that a host accepts what its roles say; without such a role, every host
that is no phone. A phone reaches only what a role exposes to it by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from simulacra.hosts.inventory.checks import ANYBODY
from simulacra.hosts.inventory.schema import Access, Host, Kind
from simulacra.overlay.plan import openvpn
from simulacra.overlay.plan.document import PROBES, Opening
from simulacra.overlay.plan.layout import Layout

SSH: Final = 22
NODE: Final = (7400, 7403)
"""TCP ports of nodes, from mail's to that for bytes in bulk; the door's is between them."""
ALL: Final = (1, 65535)


def outside(name: str, layout: Layout) -> tuple[Opening, ...]:
    """What a host lets in from anywhere."""
    return tuple(_outside(name, layout))


def _outside(name: str, layout: Layout) -> Iterator[Opening]:
    host = layout.host(name)
    if host.kind is Kind.PHONE:
        return
    if host.ssh is not None:
        yield Opening("tcp", host.ssh.port, host.ssh.port, (), "ssh")
    if layout.key(name):
        port = layout.port(name)
        yield Opening("udp", port, port, (), "the overlay")
        if host.relay:
            yield Opening("udp", port + 1, port + 1, (), "the overlay's clients")
            for each in layout.relays():
                own = port + 1 + layout.numbers[each]
                if each != name:
                    yield Opening("udp", own, own, (), f"the relay {each}")
    server = openvpn.server(name, layout)
    if server is not None:
        yield Opening("tcp", server.port, server.port, (), "OpenVPN")
        for each, port in server.shared.items():
            yield Opening("tcp", port, port, (), f"OpenVPN, {each} alone")


def inside(name: str, layout: Layout) -> tuple[Opening, ...] | None:
    """What a host lets in from the overlay; None for everything."""
    host = layout.host(name)
    if host.kind is Kind.PHONE:
        return ()
    listed = _listed(host, layout)
    insiders = list(layout.insiders())
    if not listed and len(insiders) == len(layout.inventory.hosts):
        return None
    return tuple(_merged(each for each in _inside(name, listed, layout) if each.sources))


def _inside(name: str, listed: list[tuple[str, Access]], layout: Layout) -> Iterator[Opening]:
    host, insiders = layout.host(name), _sources(name, layout.insiders(), layout)
    if not listed:
        for protocol in ("tcp", "udp"):
            yield Opening(protocol, *ALL, insiders, "every host")
        return
    ssh = host.ssh.port if host.ssh else SSH
    yield Opening("tcp", ssh, ssh, insiders, "ssh")
    if host.kind is Kind.NODE:
        nodes = (n for n, each in layout.inventory.hosts.items() if each.kind is Kind.NODE)
        from_nodes = _sources(name, nodes, layout)
        yield Opening("tcp", *NODE, from_nodes, "nodes")
        yield Opening("udp", PROBES, PROBES, from_nodes, "nodes' probes")
    for role, access in listed:
        sources = _sources(name, _accepted(access, layout), layout)
        for protocol, first, last in _spans(access):
            yield Opening(protocol, first, last, sources, f"role {role}")


def reaches(phone: str, layout: Layout) -> tuple[str, ...]:
    """The hosts that are exposed to a phone, as networks of one address each."""
    return tuple(
        network
        for name in sorted(layout.insiders())
        if any(
            phone in _accepted(access, layout) for _, access in _listed(layout.host(name), layout)
        )
        for network in layout.addresses.alone(name)
    )


def _listed(host: Host, layout: Layout) -> list[tuple[str, Access]]:
    """The roles of a host that say whom they accept."""
    roles = layout.inventory.roles
    return [(role, roles[role]) for role in dict.fromkeys(host.roles) if role in roles]


def _accepted(access: Access, layout: Layout) -> set[str]:
    return {
        name
        for name, host in layout.inventory.hosts.items()
        if set(access.accepts) & set(host.roles)
        or (ANYBODY in access.accepts and host.kind is not Kind.PHONE)
    }


def _sources(name: str, hosts: Iterable[str], layout: Layout) -> tuple[str, ...]:
    """The addresses of hosts, without that of the one that lets them in."""
    return tuple(
        address for each in sorted(hosts) if each != name for address in layout.addresses.of(each)
    )


def _spans(access: Access) -> Iterator[tuple[str, int, int]]:
    if not access.ports:
        yield from (("tcp", *ALL), ("udp", *ALL))
    for text in access.ports:
        protocol, _, ports = text.partition("/")
        first, _, last = ports.partition("-")
        yield protocol, int(first), int(last or first)


def _merged(openings: Iterable[Opening]) -> Iterator[Opening]:
    """Without those that say the same again."""
    seen = set()
    for each in openings:
        said = (each.protocol, each.first, each.last, each.sources)
        if said not in seen:
            seen.add(said)
            yield each
