"""Inventories for tests: a small one that is right, and keys."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import Any, Final

import tomlkit
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from simulacra.hosts.inventory.problems import InventoryError, Problem, shown
from simulacra.hosts.inventory.reading import read


def pair(name: str) -> tuple[str, str]:
    """The private and the public key of a host, both in base64."""
    private = hashlib.sha256(name.encode()).digest()
    public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return base64.b64encode(private).decode(), base64.b64encode(public).decode()


@cache
def key(name: str) -> str:
    """The public key of a host."""
    return pair(name)[1]


def ssh_key(name: str) -> str:
    """The public key of a host's ssh server, whose private half nobody knows."""
    parts = (b"ssh-ed25519", hashlib.sha256(name.encode()).digest())
    blob = b"".join(len(part).to_bytes(4) + part for part in parts)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def fingerprint(number: int) -> str:
    """The fingerprint of a certificate."""
    return ":".join(f"{number:02X}" for _ in range(32))


SMALL: Final[dict[str, Any]] = {
    "network": {"name": "home"},
    "zones": {"home": {"lan": ["192.168.1.0/24"]}, "cloud": {}},
    "roles": {"media": {"accepts": ["*", "family"], "ports": ["tcp/8096"]}},
    "clouds": {"small": {"driver": "dummy", "image": "i", "size": "s"}},
    "hosts": {
        "desk": {"zone": "home", "wireguard": key("desk"), "lan": ["192.168.1.20"]},
        "nas": {"zone": "home", "wireguard": key("nas"), "roles": ["media"]},
        "vm": {
            "zone": "cloud",
            "wireguard": key("vm"),
            "endpoints": ["vm.example.org"],
            "relay": True,
            "cloud": "small",
            "openvpn": {"serves": True, "fingerprint": fingerprint(1)},
        },
        "phone": {"kind": "phone", "zone": "home", "wireguard": key("phone"), "roles": ["family"]},
        "attic": {"zone": "home", "openvpn": {"shared_key": True}},
    },
}
"""An inventory that is right."""


def toml(data: dict[str, Any]) -> str:
    """An inventory's text."""
    return tomlkit.dumps(data)


def problems(text: str) -> dict[str, str]:
    """What is wrong with an inventory's text, by key."""
    try:
        read(text)
    except InventoryError as error:
        return {_key(each): each.text for each in error.problems}
    return {}


def _key(problem: Problem) -> str:
    return shown(problem.path)
