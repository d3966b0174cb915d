"""What WireGuard runs in on this host: the kernel, or wireguard-go beside it."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from simulacra.overlay.mesh.model import Contact, Peer

NOT_PRESHARED: Final = base64.b64encode(bytes(32)).decode()
"""The preshared key of peers that have none."""


class BackendError(Exception):
    """A device cannot be had or told: the text says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device as it is.

    Attributes:
        port: where it listens.
        key: its public key; empty where it has none yet.
        peers: by public key; their endpoints are None.
        contacts: by public key.
    """

    port: int = 0
    key: str = ""
    peers: dict[str, Peer] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settle:
    """A peer as it is to be.

    Attributes:
        peer: None: it is to go.
        afresh: let it go first, so that keys are agreed anew.
    """

    key: str
    peer: Peer | None
    afresh: bool = False


def presharing(peer: Peer) -> str:
    """The preshared key for a peer: for one that is barred, one that nobody has, else none."""
    return base64.b64encode(os.urandom(32)).decode() if peer.barred else NOT_PRESHARED


class Backend(Protocol):
    """Where WireGuard runs. All its methods raise `BackendError`."""

    name: str

    def devices(self) -> dict[str, DeviceState]:
        """The overlay's devices that there are."""

    def add(self, device: str) -> None:
        """Make a device; it is down, and has no key."""

    def configure(
        self,
        device: str,
        *,
        private: str | None = None,
        port: int | None = None,
        peers: Sequence[Settle] = (),
    ) -> None:
        """Tell a device its key, its port, its peers; what is not said stays."""
