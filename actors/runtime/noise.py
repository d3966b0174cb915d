"""Noise_IK_25519_AESGCM_SHA256: two nodes that know keys of one another agree on secrets.

The pattern is the Noise Protocol Framework's (noiseprotocol.org, revision 34). The *initiator*
knows the *responder's* public key beforehand, and tells its own under encryption::

    <- s
    ...
    -> e, es, s, ss
    <- e, ee, se

Both messages carry a payload. Afterwards each side has a cipher for each direction, whose messages
are numbered: one that is lost, doubled or out of order does not open, and ends the connection.
Who later gets hold of a key cannot read what was recorded before.

Static keys are the nodes' CURVE keys, which are X25519 keys as well. In one point this is wider
than the framework: a message after the handshake may be longer than 65,535 bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY: Final = 32
TAG: Final = 16

_NAME: Final = b"Noise_IK_25519_AESGCM_SHA256".ljust(hashlib.sha256().digest_size, b"\0")

Data = bytes | bytearray | memoryview


class NoiseError(Exception):
    """A message is not what the other side of this handshake would have sent."""


class Cipher:
    """One direction: what one side seals the other opens, in the same order."""

    def __init__(self, key: bytes) -> None:
        """Begin with message number 0 under a key of 32 bytes."""
        self._aead = AESGCM(key)
        self._number = 0

    def seal(self, data: Data, about: bytes = b"") -> bytes:
        """Encrypt ``data``; ``about`` is protected with it, but not part of what is returned."""
        sealed = self._aead.encrypt(self._nonce(), data, about)
        self._number += 1
        return sealed

    def open(self, data: Data, about: bytes = b"") -> bytes:
        """Decrypt what `seal` gave.

        Raises:
            NoiseError: it was not sealed by the other side, or is not the next message.
        """
        try:
            opened = self._aead.decrypt(self._nonce(), data, about)
        except (InvalidTag, ValueError):
            raise NoiseError("a message does not open: it is not the other side's next") from None
        self._number += 1
        return opened

    def _nonce(self) -> bytes:
        return self._number.to_bytes(12, "big")  # four bytes 0, and the number in eight


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a handshake comes to.

    Attributes:
        remote: the other side's public key, which it has proved to own.
        payload: what it said in its message.
        sending: seals what goes there.
        receiving: opens what comes from there.
    """

    remote: bytes
    payload: bytes
    sending: Cipher
    receiving: Cipher


class _Transcript:
    """The framework's SymmetricState: a hash of all that was said, and a key from all secrets."""

    def __init__(self, prologue: bytes, responder: bytes) -> None:
        self._hash = self._chain = _NAME
        self._cipher: Cipher | None = None
        self.mix_hash(prologue)
        self.mix_hash(responder)

    def mix_hash(self, data: Data) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix_secret(self, ours: X25519PrivateKey, theirs: bytes) -> None:
        try:
            secret = ours.exchange(X25519PublicKey.from_public_bytes(theirs))
        except ValueError:  # a point that makes every secret the same
            raise NoiseError("the other side's public key is no key") from None
        self._chain, key = _derive(self._chain, secret)
        self._cipher = Cipher(key)

    def seal(self, data: bytes) -> bytes:
        sealed = self._keyed().seal(data, self._hash)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: Data) -> bytes:
        data = self._keyed().open(sealed, self._hash)
        self.mix_hash(sealed)
        return data

    def split(self) -> tuple[Cipher, Cipher]:
        """The initiator's cipher and the responder's."""
        first, second = _derive(self._chain, b"")
        return Cipher(first), Cipher(second)

    def _keyed(self) -> Cipher:
        if self._cipher is None:
            raise RuntimeError("nothing is sealed before the first secret")
        return self._cipher


class Initiator:
    """The side that begins.

    Args:
        secret: this side's secret key.
        responder: the other side's public key.
        prologue: what both sides must agree on beforehand.
        ephemeral: a secret key for this handshake alone; None makes one.
    """

    def __init__(
        self, secret: bytes, responder: bytes, prologue: bytes, ephemeral: bytes | None = None
    ) -> None:
        self._static = X25519PrivateKey.from_private_bytes(secret)
        self._ephemeral = _ephemeral(ephemeral)
        self._responder = responder
        self._transcript = _Transcript(prologue, responder)

    def begin(self, payload: bytes = b"") -> bytes:
        """The first message; once.

        Raises:
            NoiseError: the responder's key is no key.
        """
        transcript, ephemeral = self._transcript, _public(self._ephemeral)
        transcript.mix_hash(ephemeral)
        transcript.mix_secret(self._ephemeral, self._responder)
        static = transcript.seal(_public(self._static))
        transcript.mix_secret(self._static, self._responder)
        return ephemeral + static + transcript.seal(payload)

    def finish(self, message: Data) -> Secrets:
        """What the responder's message comes to.

        Raises:
            NoiseError: it is not from the owner of the responder's key.
        """
        transcript, ephemeral = self._transcript, bytes(message[:KEY])
        transcript.mix_hash(ephemeral)
        transcript.mix_secret(self._ephemeral, ephemeral)
        transcript.mix_secret(self._static, ephemeral)
        payload = transcript.open(message[KEY:])
        sending, receiving = transcript.split()
        return Secrets(self._responder, payload, sending, receiving)


def respond(
    secret: bytes,
    message: Data,
    prologue: bytes,
    payload: bytes = b"",
    ephemeral: bytes | None = None,
) -> tuple[bytes, Secrets]:
    """The responder's side: the answer to an initiator's first message, and what it comes to.

    The initiator's key is proved only when the first message under these secrets opens: the one
    that is answered here may be an old one that somebody repeats.

    Args:
        secret: this side's secret key.
        message: the initiator's.
        prologue: as the initiator has it.
        payload: goes with the answer.
        ephemeral: a secret key for this handshake alone; None makes one.

    Raises:
        NoiseError: it is not for this side's key, or the prologue is another.
    """
    static, own = X25519PrivateKey.from_private_bytes(secret), _ephemeral(ephemeral)
    transcript = _Transcript(prologue, _public(static))
    theirs = bytes(message[:KEY])
    transcript.mix_hash(theirs)
    transcript.mix_secret(static, theirs)
    remote = transcript.open(message[KEY : 2 * KEY + TAG])
    transcript.mix_secret(static, remote)
    said = transcript.open(message[2 * KEY + TAG :])
    transcript.mix_hash(_public(own))
    transcript.mix_secret(own, theirs)
    transcript.mix_secret(own, remote)
    answer = _public(own) + transcript.seal(payload)
    receiving, sending = transcript.split()
    return answer, Secrets(remote, said, sending, receiving)


def _ephemeral(secret: bytes | None) -> X25519PrivateKey:
    if secret is None:
        return X25519PrivateKey.generate()
    return X25519PrivateKey.from_private_bytes(secret)


def _public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _derive(chain: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """The framework's HKDF with two outputs."""
    first = _mac(mixed := _mac(chain, secret), b"\x01")
    return first, _mac(mixed, first + b"\x02")


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
