"""Under which address other nodes reach one that listens on all addresses of its machine."""

from __future__ import annotations

import socket
from typing import Final

# Addresses for documentation: to connect a UDP socket sends nothing, and asks the routing table
# which of this machine's addresses would be used.
_ELSEWHERE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", "*"})  # noqa: S104 (compared, not bound)
_LOOPBACK: Final = frozenset({"localhost", "::1"})


def reachable_host(listen: str) -> str:
    """Return the host part of an address for others, where ``listen`` is what a node binds.

    What is one address already stays as it is; of a machine with several the one towards the
    default route is taken, and its name where it has no route.
    """
    return _towards_others() if listen in _EVERYWHERE else listen


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches ``host``."""
    return host in _LOOPBACK or host.startswith("127.")


def _towards_others() -> str:
    for family, address in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
                found: str = probe.getsockname()[0]
        except OSError:
            continue
        return found
    return socket.gethostname()
