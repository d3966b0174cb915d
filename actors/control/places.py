"""Whose a directory is: what `run` asks before it goes there.

`Places` is one way in which a directory of this host can have its home on another; a directory
lies where the first of them says. Mounts are one: what a mount says of itself is looked up among
the network's hosts, and proved once by a file that is written here and read there. Trees are
another (see `tree_places`).
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from simulacra.actors.compute.mounts import Lying, UnmappedError, host_named, origin
from simulacra.actors.data.entries import printable
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_LIMIT: Final = 256


@dataclass(frozen=True, slots=True)
class Place:
    """Where a directory lies.

    Attributes:
        host: on which host of the network.
        path: there; relative to the home of the user there, if it is relative.
        via: what brings it here, in words.
        proof: what the proof of this holds for; None where none is needed.
        tree: the tree that it is in, of which both hosts have a copy; None on a mount.
    """

    host: str
    path: str
    via: str
    proof: str | None
    tree: InTree | None = None


@dataclass(frozen=True, slots=True)
class InTree:
    """A directory in a tree.

    Attributes:
        id: of the tree.
        name: what it is called.
        below: the directory, from the tree's root on; empty for that itself.
    """

    id: str
    name: str
    below: str


class Places(Protocol):
    """One way in which a directory can have its home on another host."""

    def find(self, lying: Lying) -> Sequence[Place]:
        """Where the directory lies, if this way has to do with it; else nothing.

        In a tree it lies here too: then this host's own place comes first, and the others after it.

        Raises:
            GatewayError: it has, and cannot say where; the text says what is missing.
        """


class MountPlaces:
    """Directories on mounts of other hosts."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def find(self, lying: Lying) -> Sequence[Place]:
        """As `Places` says."""
        mount, settings = lying.mount, self._node.settings
        point, source = printable(mount.point), printable(mount.source)
        try:
            found = origin(lying, settings.sources)
        except UnmappedError as error:
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"whose files are mounted at {point}? {error}",
                "say it in simulacra.toml, and start the node again: [sources], below it "
                f"'{source}' = 'HOST:/PATH'",
            ) from error
        if found is None:
            return ()
        near = self._node.neighbours
        addresses = near.places() | dict.fromkeys(near.absent(), "")
        host = found.host if found.told else host_named(found.host, addresses, settings.ssh)
        if host is None:
            of = printable(found.host)
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"{point} is mounted from {of}, which is no host of the network",
                "if it is one, say which in simulacra.toml, and start the node again: [ssh], below "
                f"it HOST = '{of}'",
            )
        via = f"{point} is {source} by {mount.kind}"
        proof = f"{host} {mount.id} {point} {printable(mount.root)} {source}"
        return (Place(host, found.path, via, proof),)


class Proofs:
    """Which places were proved, and what is to be written to prove one; safe from any thread."""

    def __init__(self) -> None:
        self._proved: OrderedDict[str, None] = OrderedDict()

    def holds(self, place: Place) -> bool:
        """Whether nothing has to be proved."""
        return place.proof is None or place.proof in self._proved

    def make(self) -> tuple[str, bytes]:
        """A file's name and text that nobody can have guessed."""
        return f".simulacra-{secrets.token_hex(8)}", secrets.token_hex(32).encode()

    def add(self, proof: str) -> None:
        """It was proved; of 256 the oldest is forgotten."""
        self._proved[proof] = None
        while len(self._proved) > _LIMIT:
            self._proved.popitem(last=False)
