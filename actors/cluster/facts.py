"""Facts: what one host says of a thing, signed, so that everybody may pass it on.

An *origin* is a host with one signing key in one *life*: a lost or restored database begins
another. It numbers what it says 1, 2, 3 ... and nobody else writes in its name. A fact is said
under a key (kind, subject, name) and has one of three forms:

- ``value``: this is so.
- ``deleted``: this is so no longer, whoever said it before. Its text lists the dots (origin and
  number) of other origins' facts that it was said of.
- ``gone``: the origin says nothing under this key any more; others may.

Of several origins' facts under one key that counts which has the highest (epoch, stamp, origin).

A signature covers everything, the network too. The value is JSON text from the moment it is
said, so that what was signed is what is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, NamedTuple

from simulacra.actors.cluster.clock import Stamp
from simulacra.actors.cluster.fact_texts import FactError, check_name, check_text

_NUMBER_LIMIT: Final = 2**63
_SIGNATURE_LENGTH: Final = 64
_FINGERPRINT_LENGTH: Final = 16


class Form(StrEnum):
    """What is said under a key."""

    VALUE = "value"
    DELETED = "deleted"
    GONE = "gone"


class Origin(NamedTuple):
    """Who says something.

    Attributes:
        host: the host's name.
        key: the first 16 digits of its signing key; the whole key is known from its admission.
        life: a number that no other database of this host has had.
    """

    host: str
    key: str
    life: int

    @classmethod
    def of(cls, host: str, signing_key: str, life: int) -> Origin:
        """The origin of a host with this public key, in hexadecimal."""
        return cls(host, signing_key[:_FINGERPRINT_LENGTH], life)


class Key(NamedTuple):
    """What a fact is about.

    Attributes:
        kind: the kind of fact.
        subject: what it is about, mostly a host; may be empty.
        name: which fact of it.
    """

    kind: str
    subject: str
    name: str


Dot = tuple[Origin, int]
"""What a fact is called by: its origin and its number."""


class Epoch(NamedTuple):
    """The epoch of a focus under which something was said; `NO_EPOCH` where there is none."""

    counter: int
    host: str


NO_EPOCH: Final = Epoch(0, "")

Rank = tuple[Epoch, Stamp, Origin]
"""What decides between facts under one key: the highest counts."""


@dataclass(frozen=True)
class Fact:
    """Something said; see the module.

    Attributes:
        origin: who says it.
        n: its number among what the origin has said, from 1.
        key: what it is about.
        form: value, deleted or gone.
        text: the value, as JSON.
        epoch: under which focus it was said.
        stamp: when.
        signature: the origin's, 64 bytes.
        owner: the public key of the owner who endorses it, in hexadecimal, or empty.
        endorsement: that owner's signature over the same, or empty.
    """

    origin: Origin
    n: int
    key: Key
    form: Form
    text: str
    epoch: Epoch
    stamp: Stamp
    signature: bytes = b""
    owner: str = ""
    endorsement: bytes = b""

    @property
    def rank(self) -> Rank:
        """What decides between facts under one key."""
        return self.epoch, self.stamp, self.origin

    @cached_property
    def value(self) -> Any:
        """The value as plain data; not to be changed."""
        return json.loads(self.text)

    @property
    def dot(self) -> Dot:
        """What it is called by."""
        return self.origin, self.n

    @cached_property
    def deletes(self) -> tuple[Dot, ...]:
        """The dots that a deletion was said of."""
        if self.form is not Form.DELETED or not isinstance(self.value, list):
            return ()
        try:
            return tuple((origin_from_plain(dot[:3]), _number(dot[3])) for dot in self.value)
        except (FactError, TypeError, ValueError, LookupError):
            return ()  # of nothing that we know

    @property
    def is_value(self) -> bool:
        """Whether it says that something is so."""
        return self.form is Form.VALUE

    @property
    def size(self) -> int:
        """About how many bytes it has under way."""
        return 160 + sum(map(len, self.key)) + len(self.text) + len(self.owner)

    def content(self, network: str) -> bytes:
        """What the origin and an endorsing owner sign."""
        fields = (*self.origin, self.n, *self.key, self.form, self.text, *self.epoch)
        return json.dumps(["fact", network, *fields, *self.stamp]).encode()

    def signed(
        self,
        network: str,
        sign: Callable[[bytes], bytes],
        owner: tuple[str, Callable[[bytes], bytes]] | None = None,
    ) -> Fact:
        """The fact with its signature, and the endorsement of an owner (key and signing)."""
        content = self.content(network)
        if owner is None:
            return replace(self, signature=sign(content))
        return replace(self, signature=sign(content), owner=owner[0], endorsement=owner[1](content))

    def to_plain(self) -> list[Any]:
        """As plain data, without the origin, which many facts share."""
        return [
            self.n,
            *self.key,
            str(self.form),
            self.text,
            *self.epoch,
            *self.stamp,
            self.signature,
            self.owner,
            self.endorsement,
        ]

    @classmethod
    def from_plain(cls, origin: Origin, data: Any) -> Fact:
        """The fact that `to_plain` took apart, with everything but its signatures checked.

        Raises:
            FactError: it is none.
        """
        try:
            (
                n, kind, subject, name, form, text, counter, host, ms, tick,
                signature, owner, endorsement,
            ) = data  # fmt: skip
            fact = cls(
                origin,
                _number(n),
                Key(_text(kind), _text(subject), _text(name)),
                Form(form),
                _text(text),
                Epoch(_number(counter), _text(host)),
                Stamp(_number(ms), _number(tick)),
                _signature(signature),
                _text(owner),
                _signature(endorsement) if owner else b"",
            )
        except (TypeError, ValueError) as error:
            raise FactError(f"not a fact: {error}") from None
        check_key(fact.key)
        check_text(fact.text)
        return fact


def check_key(key: Key) -> None:
    """Refuse a key that no fact may have.

    Raises:
        FactError: says what is wrong.
    """
    check_name(key.kind, "kind")
    check_name(key.name, "name")
    if key.subject:
        check_name(key.subject, "subject")


# -- from plain data


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _NUMBER_LIMIT:
        raise ValueError(f"{value!r} is no whole number from 0")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError(f"{value!r} is no text")
    return value


def _signature(value: Any) -> bytes:
    if type(value) is not bytes or len(value) != _SIGNATURE_LENGTH:
        raise ValueError("the signature is not of 64 bytes")
    return value


def origin_from_plain(data: Any) -> Origin:
    """The origin in plain data.

    Raises:
        FactError: it is none.
    """
    try:
        host, key, life = data
        origin = Origin(_text(host), _text(key), _number(life))
    except (TypeError, ValueError) as error:
        raise FactError(f"not an origin: {error}") from None
    check_name(origin.host, "host")
    if len(origin.key) != _FINGERPRINT_LENGTH:
        raise FactError(f"not an origin: the key's beginning is {origin.key!r}")
    return origin
