"""OpenVPN's configurations, from the plan: what a relay serves, and how a host comes to one. Pure.

OpenVPN on TCP carries WireGuard's UDP to a relay where UDP is blocked, and the overlay of hosts
that have no WireGuard. Both sides know each other's certificate by its fingerprint, so there is no
CA; the name in a host's certificate is the host's, by which the server knows its address.

======== ======================================================= ==========
device   what is behind it                                       on
======== ======================================================= ==========
simv     the server's clients: WireGuard to the relay            a relay
simvN    relay number N's server                                 a host
simkPORT a host of the old form, with a shared key, at that port a relay
simkN    the overlay, by relay number N                          such a host
======== ======================================================= ==========
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final

from simulacra.overlay.plan.document import HostPlan, OpenVpnServer, Plan, Relay

SERVER: Final = "simv"
SHARED_WARNING: Final = (
    "%s speaks OpenVPN with a shared key, which is never agreed on anew: whoever gets hold of it "
    "can read all that was ever sent. OpenVPN gives this form up with version 2.7: use it only for "
    "what can speak nothing newer"
)

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_FINGERPRINT: Final = re.compile(r"([0-9A-F]{2}:){31}[0-9A-F]{2}")
_REMOTE: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_COMMON: Final = (
    "dev-type tun",
    "persist-tun",
    "socket-flags TCP_NODELAY",
    "disable-dco",
    "verb 2",
)
_TLS: Final = ("tls-version-min 1.2",)
_PATIENCE: Final = "keepalive 5 20"


@dataclass(frozen=True, slots=True)
class Places:
    """Where OpenVPN finds what the plan does not say.

    Attributes:
        certificate, key: of this host.
        clients: the folder with a file for each client of the server.
        shared: the folder with a key for each host of the old form, ``NAME.key``.
    """

    certificate: Path
    key: Path
    clients: Path
    shared: Path


@dataclass(frozen=True, slots=True)
class Instance:
    """A process of OpenVPN.

    Attributes:
        name: its own, among those of a host.
        device: that it makes.
        lines: its configuration.
        relay: to which it leads; empty for what a relay serves.
        old: the host of the old form that it serves; empty for none.
        clients: what each client is told, by the name in its certificate.
    """

    name: str
    device: str
    lines: tuple[str, ...]
    relay: str = ""
    old: str = ""
    clients: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The configuration file."""
        return "".join(f"{line}\n" for line in self.lines)


def is_old(part: HostPlan) -> bool:
    """Whether a host speaks OpenVPN's old form alone, and no WireGuard."""
    return not part.key and any(relay.openvpn for relay in part.relays)


def instances(plan: Plan, host: str, places: Places) -> tuple[Instance, ...]:
    """All that may run on a host: what it serves, and one for each relay that it may come to.

    Raises:
        ValueError: something in the plan cannot stand in a configuration.
    """
    part = plan.hosts[host]
    return (*_served(plan, part, places), *_to_relays(plan, part, places))


def _served(plan: Plan, part: HostPlan, places: Places) -> Iterator[Instance]:
    if part.openvpn is None:
        return
    if part.openvpn.clients:
        yield _server(part.openvpn, places)
    for name in part.openvpn.shared:
        yield _for_old(plan, part.openvpn, name, places)


def _server(served: OpenVpnServer, places: Places) -> Instance:
    mask = _mask(served.network)
    prints = [fingerprint for fingerprint, _ in served.clients.values()]
    lines = (
        "mode server",
        "tls-server",
        "dh none",
        "proto tcp-server",
        f"port {_port(served.port)}",
        f"dev {SERVER}",
        "topology subnet",
        'push "topology subnet"',
        f"ifconfig {_address(served.address)} {mask}",
        "client-to-client",
        f"client-config-dir {_path(places.clients)}",
        "ccd-exclusive",
        _PATIENCE,
        *_COMMON,
        *_identity(places),
        *_fingerprints(prints),
    )
    clients = {
        _name(name): f"ifconfig-push {_address(address)} {mask}\n"
        for name, (_, address) in served.clients.items()
    }
    return Instance("server", SERVER, lines, clients=clients)


def _for_old(plan: Plan, served: OpenVpnServer, name: str, places: Places) -> Instance:
    """The relay's side for one host of the old form."""
    port = _port(served.shared[name])
    lines = (
        "proto tcp-server",
        f"lport {port}",
        f"dev simk{port}",
        f"ifconfig {_address(served.address)} {_address(plan.hosts[name].ipv4)}",
        *_COMMON,
        *_shared(places.shared / f"{_name(name)}.key"),
    )
    return Instance(f"old-{name}", f"simk{port}", lines, old=name)


def _to_relays(plan: Plan, part: HostPlan, places: Places) -> Iterator[Instance]:
    for relay in part.relays:
        if not relay.openvpn:
            continue
        device = f"{'simk' if is_old(part) else 'simv'}{relay.number}"
        begin = (
            "proto tcp-client",
            "nobind",
            "connect-retry 1 10",
            "connect-timeout 5",
            "resolv-retry infinite",
            f"dev {device}",
            *_remotes(relay),
            *_COMMON,
        )
        if is_old(part):
            network = ip_network(plan.ipv4)
            rest = [
                f"ifconfig {_address(part.ipv4)} {_address(relay.inside)}",
                f"route {network.network_address} {network.netmask}",
                *_shared(places.shared / f"{_name(relay.host)}.key"),
            ]
        else:
            trust = _fingerprints([relay.fingerprint])
            rest = ["tls-client", "pull", "route-nopull", *_identity(places), *trust]
        yield Instance(f"to-{_name(relay.host)}", device, (*begin, *rest), relay=relay.host)


def _identity(places: Places) -> list[str]:
    return [f"cert {_path(places.certificate)}", f"key {_path(places.key)}", *_TLS]


def _shared(key: Path) -> list[str]:
    """No certificates, no agreeing on keys anew: OpenVPN warns of it at each start."""
    return [f"secret {_path(key)}", "cipher AES-256-CBC", "auth SHA256", _PATIENCE]


def _remotes(relay: Relay) -> Iterator[str]:
    for each in relay.openvpn:
        found = _REMOTE.fullmatch(each)
        if found is None:
            raise ValueError(f"{each!r} is no HOST:PORT")
        yield f"remote {found[1].strip('[]')} {_port(int(found[2]))}"


def _fingerprints(prints: list[str]) -> list[str]:
    for each in prints:
        if _FINGERPRINT.fullmatch(each) is None:
            raise ValueError(f"{each!r} is no fingerprint of a certificate")
    return ["<peer-fingerprint>", *prints, "</peer-fingerprint>"]


def _name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no host's name")
    return name


def _address(address: str) -> str:
    return str(ip_address(address))


def _mask(network: str) -> str:
    return str(ip_network(network).netmask)


def _port(number: int) -> int:
    if not 0 < number <= 65535:  # noqa: PLR2004 (the highest port)
        raise ValueError(f"{number} is no port")
    return number


def _path(path: Path) -> str:
    text = str(path)
    if any(each in text for each in '"\\\n'):
        raise ValueError(f"{text!r} cannot stand in a configuration of OpenVPN")
    return f'"{text}"'
