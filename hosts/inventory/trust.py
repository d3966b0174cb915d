"""Whom ssh trusts to be a host: whoever has the key that the inventory says, and nobody else. Pure.

Neither what the user once accepted counts, nor what the machine offers later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Ssh

TRUST: Final[Mapping[str, str]] = {
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "/dev/null",
    "UpdateHostKeys": "no",
}
"""Options of ssh, beside a ``UserKnownHostsFile`` with `known_hosts`, and ``HostKeyAlias``."""


def known_hosts(hosts: Mapping[str, Ssh]) -> str:
    """The file of the hosts' public keys, each under its name in the inventory."""
    return "".join(f"{name} {ssh.public_key}\n" for name, ssh in hosts.items() if ssh.public_key)
