"""What an `inventory.toml` may say: network, zones, roles, clouds, hosts.

It is data about machines and has no secrets: only public halves of keys stand in it. What one field
may be is said here; what several fields must be together is checked in
`simulacra.hosts.inventory.checks`.
"""

from __future__ import annotations

import base64
import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator

from simulacra.hosts.inventory.keys import raw_key, raw_ssh_key

NAME: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
"""A host's, zone's, role's or tag's name: one label of a DNS name, in small letters."""

_ENDPOINT: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:([0-9]{1,5}))?")
_NUMBERS: Final = re.compile(r"[0-9.]+")
_SSH_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MAX_PORT: Final = 65535


def _public_key(text: str) -> str:
    """A WireGuard public key: 32 bytes in base64."""
    try:
        raw = raw_key(text)
    except ValueError:
        raise ValueError(
            "is no WireGuard public key (44 characters of base64, as `wg pubkey` says)"
        ) from None
    return base64.b64encode(raw).decode()


def _ssh_host(text: str) -> str:
    """A name or an address, which for ssh has no brackets and no port."""
    # What begins with a hyphen would be an option of ssh.
    is_name = _SSH_NAME.fullmatch(text) and not _NUMBERS.fullmatch(text)
    if not is_name and (text.startswith("[") or not _is_address(text)):
        raise ValueError("is no host's name or address: its port is said as ssh.port")
    return text


def _ssh_key(text: str) -> str:
    """The public key of an ssh server, with a comment or without."""
    try:
        raw_ssh_key(text)
    except ValueError:
        raise ValueError("is cut short, or no public key: copy all of it") from None
    return text


def _endpoint(text: str) -> str:
    """HOST, HOST:PORT or [IPV6]:PORT."""
    found = _ENDPOINT.fullmatch(text)
    if found is None or int(found[3] or 1) not in range(1, _MAX_PORT + 1):
        raise ValueError("is no endpoint: say HOST or HOST:PORT, as in nas.example.org:51820")
    if (text.startswith("[") or _NUMBERS.fullmatch(found[1])) and not _is_address(found[1]):
        raise ValueError("is no endpoint: there is no such address")
    return text


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _lan(text: object) -> IPv4Network | IPv6Network:
    if isinstance(text, IPv4Network | IPv6Network):
        return text
    try:
        return ip_network(text if isinstance(text, str) else "")
    except ValueError:
        raise ValueError("is no network: say ADDRESS/PREFIX, as in 192.168.1.0/24") from None


def _form(pattern: str, wrong: str) -> AfterValidator:
    """A text of a pattern; the error of any other."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(wrong)
        return text

    return AfterValidator(check)


_NO_NAME: Final = "is no name: use small letters, digits and hyphens, at most 63, as in desk"

Name = Annotated[str, _form(NAME, _NO_NAME)]
Port = Annotated[int, Field(ge=1, le=_MAX_PORT)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
Endpoint = Annotated[str, AfterValidator(_endpoint)]
Lan = Annotated[IPv4Network | IPv6Network, PlainValidator(_lan)]
Mac = Annotated[
    str,
    AfterValidator(str.lower),
    _form(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "is no MAC address, as in 02:00:5e:10:00:07"),
]
Fingerprint = Annotated[
    str,
    AfterValidator(str.upper),
    _form(
        r"([0-9A-F]{2}:){31}[0-9A-F]{2}",
        "is no SHA-256 fingerprint: 32 bytes in hex with colons between, as "
        "`openssl x509 -fingerprint -sha256` says",
    ),
]
"""The SHA-256 of a certificate, as OpenVPN's ``peer-fingerprint`` takes it."""
Digest = Annotated[str, _form(r"[0-9a-f]{12}", "is no digest: simulacra overlay phone writes it")]
Role = Annotated[str, _form(rf"\*|{NAME}", f"{_NO_NAME}, or * for every host that is no phone")]
Ports = Annotated[
    str, _form(r"(tcp|udp)/[0-9]{1,5}(-[0-9]{1,5})?", "is no port: say tcp/8080 or udp/5000-5010")
]
_NO_SSH_KEY: Final = "is no public key of an ssh server, as in its ssh_host_ed25519_key.pub"
SshKey = Annotated[
    str,
    _form(r"(ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/=]+( .*)?", _NO_SSH_KEY),
    AfterValidator(_ssh_key),
]
SshHost = Annotated[str, AfterValidator(_ssh_host)]
User = Annotated[str, _form(r"[A-Za-z_][A-Za-z0-9._-]{0,63}", "is no user's name")]
System = Annotated[str, _form(r"[a-z0-9_]+-[a-z0-9]+", "is no platform, as in x86_64-linux")]


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
