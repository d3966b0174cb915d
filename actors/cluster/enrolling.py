"""How a host comes to be in a network: founding one, joining one, leaving it.

What a host has of its network is in three files (see `settings.Paths`): its CURVE keys, its signing
key, its charter. The owner's key is the user's, on the machine where the network was made; no node
reads it. Nothing is changed before all that can be refused has been looked at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from simulacra.actors.cluster import signing_keys
from simulacra.actors.cluster.admissions import Expulsion, Owner, bind, name_owner, witness
from simulacra.actors.cluster.charter import Charter
from simulacra.actors.cluster.ed25519 import Signer, is_key
from simulacra.actors.cluster.invitations import Role, Token, invite, read_token
from simulacra.actors.cluster.knocking import knock
from simulacra.actors.cluster.reception import DoorKeys
from simulacra.actors.cluster.records import is_host_name
from simulacra.actors.gateway.frames import ErrorCode
from simulacra.actors.runtime.keys import KeyFileError, KeyPair
from simulacra.actors.settings import Paths

_JOINING_SECONDS = 60


class EnrolError(Exception):
    """A host cannot be in a network as it was asked.

    Attributes:
        code: what kind of error it is, for the command line.
        text: why.
        hint: what to type next.
    """

    def __init__(self, text: str, hint: str, code: ErrorCode = ErrorCode.USAGE) -> None:
        super().__init__(f"{text}: {hint}")
        self.code = code
        self.text = text
        self.hint = hint


@dataclass(frozen=True)
class Enrolling:
    """One node's way into a network and out of it.

    Args:
        paths: where its things are.
        node: its name.
    """

    paths: Paths
    node: str

    @property
    def charter(self) -> Charter | None:
        """What it keeps of the network that it is in.

        Raises:
            CharterError: the file cannot be used.
        """
        return Charter.load(self.paths.network(self.node))

    def found(self, network: str, address: str = "") -> Charter:
        """Make a network, with this host as its first.

        Args:
            network: its name.
            address: ``host:port`` where this host listens, if others reach it there.

        Raises:
            EnrolError: the name is none, or this host is in a network.
            KeyFileError, OSError: the keys cannot be had.
        """
        if not is_host_name(network):
            raise EnrolError(
                f"{network[:80]!r} is no network's name",
                "use small letters, digits and hyphens, at most 63: simulacra init home",
            )
        self._refuse_second()
        owner = signing_keys.load_or_make(self.paths.owner)
        doors = KeyPair.generate()
        token = invite(
            owner,
            network=network,
            root=owner.key,
            door=doors.public,
            expires=int(time.time()) + _JOINING_SECONDS,
        )
        binding = bind(
            token,
            host=self.node,
            curve=KeyPair.load_or_make(self.paths.key(self.node)).public,
            own=signing_keys.load_or_make(self.paths.signing(self.node)),
            address=address,
        )
        admission = witness(token.invitation, binding, int(time.time()), owner)
        return Charter.found(
            self.paths.network(self.node),
            network,
            DoorKeys(doors.public, doors.secret),
            owner.key,
            [admission],
        )

    def join(self, token: str, hosts: Sequence[str], address: str = "") -> tuple[Charter, str]:
        """Join a network by a token, at the first of some members that answers.

        Returns:
            What this host keeps of it now, and the host that let it in.

        Raises:
            EnrolError: this host is in another network.
            TokenError: the token is none.
            KnockError: nobody lets it in.
            KeyFileError, OSError: the keys cannot be had, or the charter not written.
        """
        read = read_token(token)
        before = self.charter
        if before is not None and before.roll.root != read.invitation.root:
            self._refuse_second()
        welcome = knock(
            read,
            hosts,
            name=self.node,
            pair=KeyPair.load_or_make(self.paths.key(self.node)),
            own=signing_keys.load_or_make(self.paths.signing(self.node)),
            address=address,
        )
        return Charter.join(self.paths.network(self.node), welcome), welcome.by

    def invite(self, role: Role, life: float) -> Token:
        """An invitation to this host's network, signed with the owner's key.

        Raises:
            EnrolError: this host is in no network, the owner's key is not here, or the invitation
                would be good for no time.
        """
        charter = self._member()
        if life < 1:
            raise EnrolError(
                f"an invitation for {life:g} s is good for nobody", "simulacra invite --expires 10m"
            )
        if charter.door is None:
            raise EnrolError(
                "an outside host invites nobody", "type this on an inside host", ErrorCode.DENIED
            )
        owner = self._owner(charter)
        expires = int(time.time() + life)
        return invite(
            owner,
            network=charter.network,
            root=charter.roll.root,
            door=charter.door.public,
            expires=expires,
            role=role,
        )

    def expulsions(self, host: str, reason: str) -> tuple[Expulsion, ...]:
        """The records that take a host out; signed by the owner where that key is here.

        Raises:
            EnrolError: this host is in no network, or there is no such member, or it is this host,
                which would lose its keys for ever by mistake.
        """
        charter = self._member()
        member = charter.roll.host(host)
        if member is None:
            known = ", ".join(each.host for each in charter.roll.members)
            raise EnrolError(
                f"the network has no host {host[:80]!r}; it has: {known}",
                "see them: simulacra status",
                ErrorCode.NOT_FOUND,
            )
        if member.signing == self._own().key:
            raise EnrolError(
                f"{host} is this host, and to expel is for ever",
                "take it out so that it may come back: simulacra leave",
                ErrorCode.USAGE,
            )
        by = self._owner(charter) if self.paths.owner.exists() else self._own()
        return charter.roll.expel(host, by, at=int(time.time()), reason=reason)

    def leaving(self) -> tuple[Expulsion, ...]:
        """The records by which this host takes itself out.

        Raises:
            EnrolError: it is in no network.
        """
        charter, own = self._member(), self._own()
        member = charter.roll.holder(own.key)
        if member is None:
            return ()
        return charter.roll.expel(member.host, own, at=int(time.time()), reason="it left")

    def second_owner(self, name: str, key: str) -> Owner:
        """The record that makes another key an owner's.

        Raises:
            EnrolError: the key or the name is none, or the owner's key is not here.
        """
        charter = self._member()
        if not is_key(key):
            raise EnrolError(
                f"{key[:80]!r} is no owner's key, which has 64 hexadecimal digits",
                "on the other person's machine, type: simulacra owner",
            )
        if not is_host_name(name):
            raise EnrolError(f"{name[:80]!r} is no name", "use small letters, digits and hyphens")
        return name_owner(charter.roll.root, key, name, self._owner(charter))

    def forget(self) -> None:
        """Remove this host's keys and charter: it is in no network any more, and a new host."""
        for file in (
            self.paths.network(self.node),
            self.paths.signing(self.node),
            self.paths.key(self.node),
        ):
            file.unlink(missing_ok=True)

    # -- what is there

    def _member(self) -> Charter:
        charter = self.charter
        if charter is None:
            raise EnrolError(
                f"{self.node} is in no network",
                "make one: simulacra init NAME; or join one: simulacra up --join TOKEN@HOST",
            )
        return charter

    def _refuse_second(self) -> None:
        charter = self.charter
        if charter is not None:
            raise EnrolError(
                f"{self.node} is in the network {charter.network} already",
                "leave it first: simulacra leave",
            )

    def _own(self) -> Signer:
        return signing_keys.load(self.paths.signing(self.node))

    def _owner(self, charter: Charter) -> Signer:
        try:
            owner = signing_keys.load(self.paths.owner)
        except KeyFileError as error:
            raise EnrolError(
                f"the owner's key of {charter.network} is not here ({error})",
                "type this where the network was made, or bring the key: simulacra owner import",
                ErrorCode.DENIED,
            ) from error
        if owner.key not in charter.roll.owners:
            raise EnrolError(
                f"the owner's key here is none of {charter.network}'s",
                f"have an owner type: simulacra owner add NAME {owner.key}",
                ErrorCode.DENIED,
            )
        return owner
