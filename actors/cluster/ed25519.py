"""Ed25519 signatures over records: keys and signatures as text in hexadecimal, lower case.

What is signed is one line of JSON, a list that begins with the kind of record: so that no two
records are the same bytes, and a signature of one kind is none of another.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEED_LENGTH: Final = 32
KEY_LENGTH: Final = 64
SIGNATURE_LENGTH: Final = 128
_HEX: Final = re.compile(r"[0-9a-f]*")


class Signer:
    """A private key.

    Args:
        seed: its 32 bytes; whoever has them signs in its name.

    Attributes:
        key: the public key, in hexadecimal.
    """

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = self._private.public_key().public_bytes_raw().hex()

    @classmethod
    def generate(cls) -> Signer:
        """A new key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def seed(self) -> bytes:
        """The secret, to be kept."""
        return self._private.private_bytes_raw()

    def sign(self, content: bytes) -> str:
        """The signature, in hexadecimal."""
        return self._private.sign(content).hex()


def is_signed(key: str, content: bytes, signature: str) -> bool:
    """Whether ``signature`` is the one of ``key`` over ``content``; False for what is none."""
    if not (is_key(key) and is_hex(signature, SIGNATURE_LENGTH)):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(signature), content
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def is_key(text: str) -> bool:
    """Whether a text has the form of a public key."""
    return is_hex(text, KEY_LENGTH)


def is_hex(text: str, length: int) -> bool:
    """Whether a text is of so many hexadecimal digits, in lower case: one form for one value."""
    return len(text) == length and _HEX.fullmatch(text) is not None


def content_of(kind: str, *fields: object) -> bytes:
    """What is signed of a record: its kind and its fields of text, whole numbers and lists."""
    return json.dumps([kind, *fields], separators=(",", ":")).encode()


def digest(content: bytes) -> str:
    """A short name for some content: 128 bits in hexadecimal."""
    return hashlib.sha256(content).hexdigest()[:32]
