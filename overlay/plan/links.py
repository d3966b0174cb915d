"""Who speaks to whom: a host's direct peers, its relays, and of a relay its clients."""

from __future__ import annotations

from simulacra.hosts.inventory.schema import Kind
from simulacra.overlay.plan import access, openvpn
from simulacra.overlay.plan.document import Client, Peer, Relay
from simulacra.overlay.plan.layout import Layout


def peers(name: str, layout: Layout) -> tuple[Peer, ...]:
    """Whom a host reaches without a relay, if the network between lets it."""
    meshed = list(layout.meshed())
    if name not in meshed:
        return ()
    return tuple(_peer(name, each, layout) for each in sorted(meshed) if each != name)


def _peer(name: str, other: str, layout: Layout) -> Peer:
    theirs, mine = layout.endpoints(other, name), layout.endpoints(name, other)
    return Peer(
        other,
        layout.key(other),
        layout.addresses.alone(other),
        theirs,
        # Whom the other cannot find has to hold the way open on which it is found.
        0 if mine else layout.host(name).keepalive,
        punched=not theirs and not mine,
    )


def relays(name: str, layout: Layout) -> tuple[Relay, ...]:
    """The relays that a host can use, by number; not itself."""
    found = (_relay(name, each, layout) for each in layout.relays() if each != name)
    if openvpn.is_old(layout.host(name)):
        return tuple(each for each in found if each.openvpn)
    return tuple(found) if layout.key(name) else ()


def _relay(name: str, relay: str, layout: Layout) -> Relay:
    number, mine = layout.numbers[relay], layout.numbers.get(name, 0)
    return Relay(
        relay,
        number,
        layout.key(relay),
        f"sim{number}",
        layout.endpoints(relay, name, 1 + mine),
        # A relay hears of a client's address from the client alone.
        0 if mine else layout.host(name).keepalive,
        listen=layout.port(name) + 1 + number if mine else 0,
        **openvpn.way(name, relay, layout),
    )


def clients(name: str, layout: Layout) -> tuple[Client, ...]:
    """Whom a relay serves: everybody with a key but relays, which have links of their own."""
    if name not in layout.relays():
        return ()
    return tuple(
        Client(
            each,
            layout.key(each),
            layout.addresses.alone(each),
            access.reaches(each, layout) if host.kind is Kind.PHONE else None,
        )
        for each, host in sorted(layout.inventory.hosts.items())
        if layout.key(each) and each not in layout.numbers
    )
