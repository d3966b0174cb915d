"""What an `inventory.toml` may say: network, zones, roles, clouds, hosts.

It is data about machines and has no secrets: only public halves of keys stand in it. What one field
may be is said in `fields`; what several fields must be together is checked in `checks`.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from simulacra.hosts.inventory.fields import (
    Digest,
    Endpoint,
    Fingerprint,
    Lan,
    Mac,
    Name,
    Port,
    Ports,
    PublicKey,
    Role,
    SshHost,
    SshKey,
    System,
    User,
)


class _Table(BaseModel):
    """A table of the file: nothing in it but what is known, and it does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(StrEnum):
    """What runs on a host.

    A node is a machine with Simulacra; a phone has a WireGuard application and reaches only what is
    exposed to phones; an appliance is reached by ssh, and has no node.
    """

    NODE = "node"
    PHONE = "phone"
    APPLIANCE = "appliance"


class Network(_Table):
    """The network as a whole.

    Attributes:
        name: also the zone of its DNS names, as in ``nas.home``.
        ipv4: where the overlay's IPv4 addresses are from.
        ipv6: where its IPv6 addresses are from; without it a ULA prefix derived from the name.
        port: the UDP port of the overlay on every host that states no other. Relays use some of the
            ports after it.
    """

    name: Name
    ipv4: IPv4Network = IPv4Network("10.44.0.0/16")
    ipv6: IPv6Network | None = None
    port: Port = 51820


class Zone(_Table):
    """Hosts that stand or fall together: one LAN, one cloud region.

    Attributes:
        lan: the networks that its hosts share, if they reach each other directly.
    """

    lan: tuple[Lan, ...] = ()


class Access(_Table):
    """Who may open connections to hosts of a role, beyond ssh and the node's own port.

    Attributes:
        accepts: roles that may; ``*`` for every host that is no phone.
        ports: to which ports, as in ``tcp/8080`` or ``udp/5000-5010``; none stated: to all.
    """

    accepts: tuple[Role, ...] = ("*",)
    ports: tuple[Ports, ...] = ()


class Ssh(_Table):
    """How a host is reached for a deploy, and before it is in the overlay.

    Attributes:
        host: name or address.
        public_key: of the host, as in its ``ssh_host_ed25519_key.pub``.
        sudo: whether the user becomes root by sudo.
    """

    host: SshHost
    user: User = "root"
    port: Port = 22
    public_key: SshKey | None = None
    sudo: bool = False


class OpenVpn(_Table):
    """A host's part in OpenVPN, which carries the overlay where UDP is blocked.

    Attributes:
        fingerprint: of the host's certificate.
        serves: whether it takes clients; a relay only.
        port: the TCP port that a server takes clients on, 443 unless stated; of a host with a
            shared key the port that relays have for it alone, by its name unless stated.
        shared_key: it speaks OpenVPN's old form with a key that both sides share, and no
            WireGuard at all.
    """

    fingerprint: Fingerprint | None = None
    serves: bool = False
    port: Port | None = None
    shared_key: bool = False


class Given(_Table):
    """What a phone's configuration hung on when it was shown; written by `overlay phone`.

    Attributes:
        relay: the relay that it goes by.
        key, endpoint: digests of that relay's.
        address: digest of the phone's own addresses.
        reaches: digest of what it may reach.
    """

    relay: Name
    key: Digest
    endpoint: Digest
    address: Digest
    reaches: Digest


class Cloud(_Table):
    """A template of rented machines.

    Attributes:
        driver: ``ec2``, ``openstack``, ``opennebula`` or ``dummy``.
        options: what the driver wants besides credentials, which stand in the environment or in a
            file that ``credentials`` names.
    """

    driver: Literal["ec2", "openstack", "opennebula", "dummy"]
    image: str
    size: str
    region: str = ""
    endpoint: str = ""
    credentials: str = ""
    options: dict[str, str | int | bool] = {}


class Host(_Table):
    """A machine.

    Attributes:
        system: Nix's name of its platform.
        address: its IPv4 address in the overlay; without it one derived from its name.
        wireguard: its public key in the overlay; None until the host has made one.
        next: the public key that it will have next; the others let it in by both.
        endpoints: where its overlay port answers from outside of its zone. None: it is behind NAT.
        lan: its addresses inside its zone.
        keepalive: seconds between packets that hold a NAT's mapping open.
        relay: it forwards between hosts that do not reach each other. Needs endpoints.
        number: a relay's, without it one derived from its name: by it the others have a port, a
            device and a network of OpenVPN for it.
        ssh: how it is deployed to; None for what is not deployed.
        mac: of the card that wakes it.
        cloud: the template it is rented by.
        given: of a phone, what its configuration hung on.
    """

    kind: Kind = Kind.NODE
    zone: Name
    roles: tuple[Name, ...] = ()
    tags: tuple[Name, ...] = ()
    system: System = "x86_64-linux"
    address: IPv4Address | None = None
    wireguard: PublicKey | None = None
    next: PublicKey | None = None
    port: Port | None = None
    endpoints: tuple[Endpoint, ...] = ()
    lan: tuple[Endpoint, ...] = ()
    keepalive: Annotated[int, Field(ge=1, le=600)] = 25
    relay: bool = False
    number: Annotated[int, Field(ge=1, le=255)] | None = None
    openvpn: OpenVpn | None = None
    ssh: Ssh | None = None
    mac: Mac | None = None
    cloud: Name | None = None
    given: Given | None = None

    @property
    def behind_nat(self) -> bool:
        """Whether nobody outside of its zone can be the first to speak."""
        return not self.endpoints


class Inventory(_Table):
    """All of an ``inventory.toml``.

    Attributes:
        roles: access to hosts, by their role. A role that is not here says nothing of access; a
            host without one that is accepts every host that is no phone.
    """

    network: Network
    zones: dict[Name, Zone]
    roles: dict[Name, Access] = {}
    clouds: dict[Name, Cloud] = {}
    hosts: dict[Name, Host]

    def tagged(self, tag: str) -> tuple[str, ...]:
        """The hosts with a tag, in the order of the file."""
        return tuple(name for name, host in self.hosts.items() if tag in host.tags)

    def tags(self) -> list[str]:
        """All tags that hosts have, sorted."""
        return sorted({tag for host in self.hosts.values() for tag in host.tags})
