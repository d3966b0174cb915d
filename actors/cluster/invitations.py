"""Invitations: what lets a host in, signed by an owner, good for one host until it expires.

An invitation is a key pair of its own. Its public half is signed by the owner; its private half is
only in the *token*, the text that is carried to the new host. Whoever has the token may bind it to
one host's keys (see `admissions`). The token also has the network's root key, so that the new host
knows whose network it joins, and the door's CURVE key, so that it knows whom to tell.

A token is ``sim1`` and base32 in small letters (case and spaces do not matter) of::

    flags, length of the name | seed 32 | root 32 | [owner 32] | door 32 | expires 5 |
    signature 64 | name of the network | the first 4 bytes of SHA-256 of all that
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Final, Literal

from zmq.utils import z85

from simulacra.actors.cluster.ed25519 import (
    SEED_LENGTH,
    Signer,
    content_of,
    digest,
    is_key,
    is_signed,
)
from simulacra.actors.cluster.records import is_host_name, is_time

PREFIX: Final = "sim1"
DOOR_PORT: Final = 7401
DEFAULT_LIFE: Final = 24 * 3600
"""Seconds that an invitation is good for unless said otherwise."""

Role = Literal["inside", "outside"]

_OUTSIDE, _DEPUTED = 1, 2  # flags
_EXPIRES: Final = 5
_SIGNATURE: Final = 64
_CHECK: Final = 4
_ALPHABET: Final = frozenset("abcdefghijklmnopqrstuvwxyz234567")


class TokenError(ValueError):
    """A text is no token that can be used; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an owner signs.

    Attributes:
        network: the network's name.
        root: the network's first owner key, which tells it from others of the same name.
        role: ``inside`` (may run code) or ``outside`` (reaches only what was exposed to it).
        expires: seconds since the epoch; a member judges it by its own clock.
        key: the invitation's own public key, which is its id too.
        owner: the key of the owner who signed.
        signature: of that owner.
    """

    network: str
    root: str
    role: str
    expires: int
    key: str
    owner: str
    signature: str

    @property
    def id(self) -> str:
        """A short name for people."""
        return digest(bytes.fromhex(self.key))[:8]

    def content(self) -> bytes:
        """What the signature is over."""
        return content_of(
            "invitation", self.network, self.root, self.role, self.expires, self.key, self.owner
        )

    def problem(self) -> str | None:
        """What is wrong with its form or its signature, whoever the owner is; None if nothing."""
        if not (is_host_name(self.network) and is_key(self.root) and is_key(self.key)):
            return "the invitation's fields are damaged"
        if self.role not in ("inside", "outside") or not is_time(self.expires):
            return "the invitation's role or expiry is none"
        if not is_signed(self.owner, self.content(), self.signature):
            return "the invitation is not signed by the owner that it names"
        return None


@dataclass(frozen=True, slots=True)
class Token:
    """An invitation with what only the invited host gets.

    Attributes:
        invitation: what the owner signed.
        door: the CURVE public key (Z85) of the network's doors.
        seed: the private half of the invitation's key.
    """

    invitation: Invitation
    door: str
    seed: bytes = field(repr=False)

    def text(self) -> str:
        """As it is printed and typed."""
        made, name = self.invitation, self.invitation.network.encode()
        deputed = made.owner != made.root
        flags = (_OUTSIDE if made.role == "outside" else 0) | (_DEPUTED if deputed else 0)
        body = bytes([flags, len(name)]) + self.seed + bytes.fromhex(made.root)
        body += bytes.fromhex(made.owner) if deputed else b""
        body += z85.decode(self.door.encode()) + made.expires.to_bytes(_EXPIRES, "big")
        body += bytes.fromhex(made.signature) + name
        coded = base64.b32encode(body + _check(body)).decode()
        return PREFIX + coded.rstrip("=").lower()


def invite(
    owner: Signer, *, network: str, root: str, door: str, expires: int, role: Role = "inside"
) -> Token:
    """Make an invitation.

    Args:
        owner: the key of one of the network's owners.
        network: the network's name.
        root: the first owner's public key.
        door: the CURVE public key of the network's doors.
        expires: seconds since the epoch.
        role: what the host may do.
    """
    own = Signer.generate()
    unsigned = Invitation(network, root, role, expires, own.key, owner.key, "")
    signature = owner.sign(unsigned.content())
    invitation = Invitation(network, root, role, expires, own.key, owner.key, signature)
    return Token(invitation, door, own.seed)


def read_token(text: str) -> Token:
    """Read a token as it was typed or scanned.

    Raises:
        TokenError: it is cut off, mistyped, not signed, or no token at all.
    """
    body = _decode(_letters(text))
    take = _Taker(body)
    flags, length = take.next(1)[0], take.next(1)[0]
    if flags & ~(_OUTSIDE | _DEPUTED):
        raise TokenError("the token is of a newer version: upgrade Simulacra here")
    seed, root = take.next(SEED_LENGTH), take.next(32).hex()
    owner = take.next(32).hex() if flags & _DEPUTED else root
    door = z85.encode(take.next(32)).decode()
    expires = int.from_bytes(take.next(_EXPIRES), "big")
    signature = take.next(_SIGNATURE).hex()
    network = take.next(length).decode("ascii", errors="replace")
    role = "outside" if flags & _OUTSIDE else "inside"
    invitation = Invitation(network, root, role, expires, Signer(seed).key, owner, signature)
    problem = invitation.problem()
    if problem is not None:
        raise TokenError(f"{problem}: ask for a new one (simulacra invite)")
    return Token(invitation, door, seed)


def split_join(text: str) -> tuple[str, tuple[str, ...]]:
    """The token and the hosts of ``TOKEN@HOST[:PORT][,HOST...]``; neither is looked into.

    A ``/`` is as good as the ``@``: QR codes know it, and are a fifth smaller with it.

    Raises:
        TokenError: there is no host.
    """
    token, at, hosts = text.replace("/", "@").partition("@")
    listed = tuple(host.strip() for host in hosts.split(",") if host.strip())
    if not at or not listed:
        raise TokenError(
            "say at which host to join, any member will do: simulacra up --join TOKEN@HOST"
        )
    return token, listed


def _letters(text: str) -> str:
    found = re.sub(r"\s", "", text).lower()
    if not found.startswith(PREFIX):
        raise TokenError(
            f"this is no token: one begins with {PREFIX}; a member prints one: simulacra invite"
        )
    letters = found.removeprefix(PREFIX)
    for place, letter in enumerate(letters, len(PREFIX) + 1):
        if letter not in _ALPHABET:
            raise TokenError(f"the token has {letter!r} at place {place}, which no token has")
    return letters


def _decode(letters: str) -> bytes:
    """The bytes, without the check that they end with."""
    # Of letters that end within a byte the rest is dropped: the lengths are compared below.
    even = letters[: len(letters) - len(letters) % 8]
    rest = letters[len(even) :]
    usable = {0: 0, 1: 0, 2: 2, 3: 2, 4: 4, 5: 5, 6: 5, 7: 7}[len(rest)]
    padded = even + rest[:usable] + "=" * ((-usable) % 8)
    data = base64.b32decode(padded.upper())
    if len(data) < 2:  # noqa: PLR2004 (flags and length)
        raise TokenError(_cut_off(len(letters), None))
    owner = 32 if data[0] & _DEPUTED else 0
    size = 2 + SEED_LENGTH + 32 + owner + 32 + _EXPIRES + _SIGNATURE + data[1] + _CHECK
    whole = -(-size * 8 // 5)
    if len(letters) < whole:
        raise TokenError(_cut_off(len(letters), whole))
    body, check = data[: size - _CHECK], data[size - _CHECK : size]
    if _check(body) != check:
        raise TokenError("the token is mistyped, a letter of it is wrong: copy it once more")
    if len(letters) > whole:
        more = len(letters) - whole
        raise TokenError(f"after the token's end there are {more} letters too many")
    return body


def _cut_off(found: int, whole: int | None) -> str:
    of = f" of {whole + len(PREFIX)}" if whole is not None else ""
    return f"the token is cut off: {found + len(PREFIX)}{of} letters are here; copy all of it"


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_CHECK]


class _Taker:
    """Takes bytes from the front; the length of the whole was checked before."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def next(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]
