"""The plan of an overlay: what every host's part in it is. Written once, read by nodes and by Nix.

Every host has one WireGuard device for direct peers (``sim0``, UDP port P), which lets in from each
peer only that peer's own addresses. Relays are links of their own, so that changing a path is
changing a route, and loses no packet:

- a relay has a device for its clients (``simr``, port P+1), with every host as a peer;
- a host has for each relay R a device with one peer, R at its port P+1, from which every address of
  the overlay is let in (``simN``, N being the relay's number, 1 to 255);
- two relays have such a device for each other (port P+1+number of the other one), so that a path
  may lead over several.

All devices of a host have the same key. Phones, and hosts that speak OpenVPN alone, are clients of
relays only. As JSON, a plan is the same on every machine, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FORMAT: Final = 2
"""Grows by one with a field that who does not know it may leave out, else by two.

A plan of a format one apart is read, since who plans and the hosts are not upgraded at once.
"""
MTU: Final = 1420
PROBES: Final = 7402
"""The UDP port, inside the overlay, at which hosts answer each other how far it is."""


@dataclass(frozen=True)
class Peer:
    """Somebody whom a host reaches without a relay, if the network between lets it.

    Attributes:
        host: the peer's name.
        key: its public key.
        allowed: what it may send from, as ``ADDRESS/PREFIX``.
        endpoints: where to try it, best first: in the same zone its LAN, then from outside. Empty
            where only the peer can be the first to speak, or neither can (then it is punched for).
        keepalive: seconds; 0 for none.
        punched: whether both are behind NAT, so that a direct link must be punched.
    """

    host: str
    key: str
    allowed: tuple[str, ...]
    endpoints: tuple[str, ...]
    keepalive: int
    punched: bool = False


@dataclass(frozen=True)
class Relay:
    """A relay, as the host uses it that has this.

    Attributes:
        host: the relay's name.
        number: the relay's, by its name alone unless the inventory states it.
        device: of this host, to it.
        endpoints: of its port for clients, or between relays of its port for this one.
        listen: this host's port for it; 0 for any.
        openvpn: ``HOST:PORT`` of its OpenVPN server, where UDP is blocked; empty: it has none.
        inside: the relay's address inside that OpenVPN.
        fingerprint: of its certificate there.
    """

    host: str
    number: int
    key: str
    device: str
    endpoints: tuple[str, ...]
    keepalive: int
    listen: int = 0
    openvpn: tuple[str, ...] = ()
    inside: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class Client:
    """Whom a relay serves.

    Attributes:
        reaches: of a phone, what it may reach, as ``ADDRESS/PREFIX``; None for all.
    """

    host: str
    key: str
    allowed: tuple[str, ...]
    reaches: tuple[str, ...] | None = None


@dataclass(frozen=True)
class OpenVpnServer:
    """A relay's OpenVPN server.

    Attributes:
        address: of the server in its own little network ``network``, in which nothing runs but
            WireGuard to the relay, and the overlay of hosts that have no WireGuard.
        clients: fingerprints of certificates that may come, and the address each gets, by host.
        shared: hosts of the old form with a shared key, with the TCP port of each.
    """

    port: int
    network: str
    address: str
    clients: dict[str, tuple[str, str]]
    shared: dict[str, int]


@dataclass(frozen=True)
class Opening:
    """A port that a host's firewall lets in.

    Attributes:
        protocol: ``tcp`` or ``udp``.
        first, last: ports.
        sources: from which addresses of the overlay; empty: from anywhere outside as well.
        why: for people.
    """

    protocol: str
    first: int
    last: int
    sources: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Given:
    """What the configuration of a phone hangs on, as it was when it was shown: digests.

    Attributes:
        relay: the relay that it goes by, by its name.
        key, endpoint: of that relay.
        address: its own addresses.
        reaches: what it may reach.
    """

    relay: str
    key: str
    endpoint: str
    address: str
    reaches: str


@dataclass(frozen=True)
class HostPlan:
    """A host's part.

    Attributes:
        kind: node, phone or appliance.
        ipv4, ipv6: its addresses in the overlay, without a prefix.
        names: its DNS names.
        key: its public key; empty while it has none, and then it is in nobody's peers.
        next: the key that it will have next; empty outside of a rotation.
        port: of ``sim0``.
        relays: all relays that have a key but itself, by number; of a host that speaks OpenVPN
            alone, those that serve it.
        clients: of a relay; else empty.
        outside: what its firewall lets in from outside of the overlay.
        inside: what it lets in from the overlay, which else it refuses; None lets in all.
        given: of a phone, what it was told; None where that is not known.
    """

    kind: str
    zone: str
    ipv4: str
    ipv6: str
    names: tuple[str, ...]
    key: str
    port: int
    peers: tuple[Peer, ...]
    relays: tuple[Relay, ...]
    clients: tuple[Client, ...]
    outside: tuple[Opening, ...]
    inside: tuple[Opening, ...] | None
    openvpn: OpenVpnServer | None = None
    next: str = ""
    given: Given | None = None


@dataclass(frozen=True)
class Plan:
    """The plan.

    Attributes:
        inventory: the SHA-256 of the inventory's file that it was made of, in hex.
        network: the network's name, and DNS zone.
        ipv4, ipv6: prefixes of all addresses in the overlay.
    """

    inventory: str
    network: str
    ipv4: str
    ipv6: str
    hosts: dict[str, HostPlan]
    mtu: int = MTU
    format: int = FORMAT
