"""The records of who is in: owners, admissions, expulsions. Anybody can verify them offline.

- An *owner* is named by one who is an owner already; the first, the *root*, by nobody.
- A *binding* says which host an invitation was used for. It is signed with the invitation's key
  (whoever has the token) and with the host's own (so nobody binds another's key).
- An *admission* is invitation and binding, with the time at which a member saw them. That member,
  the *witness*, signs for the time only: without an owner's signature it admits nobody.
- An *expulsion* takes keys out for ever. Owners and inside members sign it; a host that leaves
  signs its own. It lists which admissions that the expelled host witnessed remain good, so that a
  stolen machine cannot let others in with an earlier date.

What they mean together is the `Roll`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from simulacra.actors.cluster.ed25519 import Signer, content_of, digest, is_key, is_signed
from simulacra.actors.cluster.invitations import Invitation, Token
from simulacra.actors.cluster.records import is_curve_key, is_host_name, is_time

_ADDRESS_LIMIT: Final = 300
_REASON_LIMIT: Final = 500
_KEYS_LIMIT: Final = 100


@dataclass(frozen=True)
class Owner:
    """Another owner key of a network.

    Attributes:
        root: the network.
        key: the new owner's public key.
        name: whose it is, for people.
        by: the owner who says so.
        signature: of ``by``.
    """

    root: str
    key: str
    name: str
    by: str
    signature: str = ""

    @cached_property
    def id(self) -> str:
        """Names the content."""
        return digest(self.content())

    def content(self) -> bytes:
        """What the signature is over."""
        return content_of("owner", self.root, self.key, self.name, self.by)

    def problem(self) -> str | None:
        """What is wrong with its form or signature; None if nothing."""
        if not (is_key(self.root) and is_key(self.key) and is_host_name(self.name)):
            return "the owner's fields are damaged"
        if not is_signed(self.by, self.content(), self.signature):
            return "the owner is not signed by the one that it names"
        return None


@dataclass(frozen=True)
class Binding:
    """Which host an invitation is used for.

    Attributes:
        host: the host's name.
        curve: its CURVE public key, Z85.
        signing: its Ed25519 public key.
        address: ``host:port`` where it listened when it joined, or an empty string.
        invited: signature with the invitation's key.
        own: signature with the host's signing key.
    """

    host: str
    curve: str
    signing: str
    address: str
    invited: str = ""
    own: str = ""

    def content(self, invitation: Invitation) -> bytes:
        """What both signatures are over."""
        invited = invitation.content().decode()
        return content_of("binding", invited, self.host, self.curve, self.signing, self.address)

    def problem(self, invitation: Invitation) -> str | None:
        """What is wrong with its form or its signatures; None if nothing."""
        if not is_host_name(self.host):
            return "a host's name has 1 to 63 small letters, digits and hyphens"
        if not is_curve_key(self.curve) or len(self.address) > _ADDRESS_LIMIT:
            return "the binding's fields are damaged"
        content = self.content(invitation)
        if not is_signed(invitation.key, content, self.invited):
            return "the binding is not signed with the invitation's key"
        if not is_signed(self.signing, content, self.own):
            return "the binding is not signed with the host's own key"
        return None


@dataclass(frozen=True)
class Admission:
    """A host was let in.

    Attributes:
        invitation: by what.
        binding: who.
        at: seconds since the epoch, by the witness's clock.
        witness: the signing key of the member that saw it, or an owner's.
        signature: of the witness.
    """

    invitation: Invitation
    binding: Binding
    at: int
    witness: str
    signature: str = ""

    @cached_property
    def id(self) -> str:
        """Names the content."""
        return digest(self.content())

    def content(self) -> bytes:
        """What the signature is over."""
        bound = self.binding.content(self.invitation).decode()
        return content_of("admission", bound, self.at, self.witness)

    def problem(self) -> str | None:
        """What is wrong with its form, its signatures or its times; None if nothing."""
        problem = self.invitation.problem() or self.binding.problem(self.invitation)
        if problem is not None:
            return problem
        if not is_time(self.at) or not is_signed(self.witness, self.content(), self.signature):
            return "the admission is not signed by its witness"
        if self.at > self.invitation.expires:
            return "the invitation had expired"
        return None


@dataclass(frozen=True)
class Expulsion:
    """Some keys are in no more, for ever.

    Attributes:
        root: the network.
        host: whose keys they are, for people.
        keys: the CURVE and signing keys.
        at: seconds since the epoch.
        reason: why, in words.
        by: the signing key of an owner, of a member, or of the host itself.
        stands: the ids of the admissions witnessed by these keys that remain good.
        signature: of ``by``.
    """

    root: str
    host: str
    keys: tuple[str, ...]
    at: int
    reason: str
    by: str
    stands: tuple[str, ...] = ()
    signature: str = ""

    @cached_property
    def id(self) -> str:
        """Names the content."""
        return digest(self.content())

    @property
    def is_own(self) -> bool:
        """Whether the host itself left."""
        return self.by in self.keys

    def content(self) -> bytes:
        """What the signature is over."""
        return content_of(
            "expulsion",
            self.root,
            self.host,
            list(self.keys),
            self.at,
            self.reason,
            self.by,
            list(self.stands),
        )

    def problem(self) -> str | None:
        """What is wrong with its form or signature; None if nothing."""
        if not (is_key(self.root) and is_host_name(self.host) and is_time(self.at)):
            return "the expulsion's fields are damaged"
        if len(self.reason) > _REASON_LIMIT or not 0 < len(self.keys) <= _KEYS_LIMIT:
            return "the expulsion's fields are damaged"
        if not is_signed(self.by, self.content(), self.signature):
            return "the expulsion is not signed by the one that it names"
        return None


Record = Owner | Admission | Expulsion


def name_owner(root: str, key: str, name: str, by: Signer) -> Owner:
    """Make ``key`` one of the network's owners."""
    owner = Owner(root, key, name, by.key)
    return replace(owner, signature=by.sign(owner.content()))


def bind(token: Token, *, host: str, curve: str, own: Signer, address: str = "") -> Binding:
    """Use a token for a host.

    Args:
        token: the token.
        host: the host's name.
        curve: its CURVE public key.
        own: its signing key.
        address: ``host:port`` where it listens, if others reach it there.
    """
    binding = Binding(host, curve, own.key, address)
    content = binding.content(token.invitation)
    return replace(binding, invited=Signer(token.seed).sign(content), own=own.sign(content))


def witness(invitation: Invitation, binding: Binding, at: int, by: Signer) -> Admission:
    """Sign that an invitation was used at this time."""
    admission = Admission(invitation, binding, at, by.key)
    return replace(admission, signature=by.sign(admission.content()))


def expel(
    root: str,
    host: str,
    keys: Iterable[str],
    by: Signer,
    *,
    at: int,
    reason: str = "",
    stands: Iterable[str] = (),
) -> Expulsion:
    """Take keys out; `Roll.expel` finds them and what stands for a host."""
    expulsion = Expulsion(
        root, host, tuple(sorted(keys)), at, reason, by.key, tuple(sorted(stands))
    )
    return replace(expulsion, signature=by.sign(expulsion.content()))
