"""A network for tests: an owner, hosts with their keys, and records about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from simulacra.actors.cluster.admissions import Admission, bind, witness
from simulacra.actors.cluster.charter import Charter
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.invitations import invite
from simulacra.actors.cluster.reception import DoorKeys
from simulacra.actors.runtime.keys import KeyPair

NOW = 1_800_000_000


@dataclass
class Host:
    """One host's keys."""

    name: str
    pair: KeyPair = field(default_factory=KeyPair.generate)
    signer: Signer = field(default_factory=Signer.generate)


class Network:
    """A network named ``home``."""

    def __init__(self) -> None:
        self.owner = Signer.generate()
        pair = KeyPair.generate()
        self.door = DoorKeys(pair.public, pair.secret)

    def admit(self, host: Host, role: str = "inside", at: int = NOW) -> Admission:
        """The owner lets a host in."""
        token = invite(
            self.owner,
            network="home",
            root=self.owner.key,
            door=self.door.public,
            expires=at + 60,
            role="outside" if role == "outside" else "inside",
        )
        binding = bind(token, host=host.name, curve=host.pair.public, own=host.signer)
        return witness(token.invitation, binding, at, self.owner)

    def charter(self, folder: Path, *records: Admission) -> Charter:
        """What a host keeps in a folder."""
        return Charter.found(folder / "network.json", "home", self.door, self.owner.key, records)
