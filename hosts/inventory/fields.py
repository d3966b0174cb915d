"""What one field of an `inventory.toml` may be: names, keys, addresses, endpoints, ports.

Each is a type for the tables of `schema`: a field that is none of it is refused with what is wrong
and what would do. What can be written in several ways comes out in one.
"""

from __future__ import annotations

import base64
import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Final

from pydantic import AfterValidator, Field, PlainValidator

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


def _ports(text: str) -> str:
    """A port, or a range of them."""
    first, _, last = text.partition("/")[2].partition("-")
    if not 1 <= int(first) <= int(last or first) <= _MAX_PORT:
        raise ValueError("is no port, or no range from a lower to a higher one")
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
    str,
    _form(r"(tcp|udp)/[0-9]{1,5}(-[0-9]{1,5})?", "is no port: say tcp/8080 or udp/5000-5010"),
    AfterValidator(_ports),
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
