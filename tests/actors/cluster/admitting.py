"""A network made by hand: an owner, its hosts' keys, and the records that let them in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from zmq.utils import z85

from simulacra.actors.cluster.admissions import Admission, bind, witness
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.invitations import Role, Token, invite

NOW = 1_800_000_000


def signer(name: str) -> Signer:
    """The key of that name, the same each time."""
    return Signer(hashlib.sha256(name.encode()).digest())


def curve(name: str) -> str:
    """What looks like the CURVE key of that name."""
    return z85.encode(hashlib.sha256(f"curve {name}".encode()).digest()).decode()


@dataclass
class Network:
    """An owner who invites and hosts that let in."""

    name: str = "home"
    owner: Signer = field(default_factory=lambda: signer("owner"))

    @property
    def root(self) -> str:
        return self.owner.key

    def invite(
        self, *, role: Role = "inside", expires: int = NOW + 3600, owner: Signer | None = None
    ) -> Token:
        return invite(
            owner or self.owner,
            network=self.name,
            root=self.root,
            door=curve("door"),
            expires=expires,
            role=role,
        )

    def admit(
        self,
        host: str,
        *,
        keys: str | None = None,
        token: Token | None = None,
        by: Signer | None = None,
        at: int = NOW,
        role: Role = "inside",
        address: str = "",
    ) -> Admission:
        """Let a host in that has the keys named ``keys``, or like itself."""
        token = token or self.invite(role=role)
        own = keys or host
        binding = bind(token, host=host, curve=curve(own), own=signer(own), address=address)
        return witness(token.invitation, binding, at, by or self.owner)
