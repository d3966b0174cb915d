"""Keys of WireGuard, 32 bytes in base64, public or private; and public ones of ssh servers."""

from __future__ import annotations

import base64
import binascii
from typing import Final

_BYTES: Final = 32
_SIZE: Final = 4


def raw_key(text: str) -> bytes:
    """The bytes of a key.

    Raises:
        ValueError: it is none.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != _BYTES:
        raise ValueError(f"a key is {_BYTES} bytes in base64")
    return raw


def raw_ssh_key(text: str) -> bytes:
    """The bytes of an ssh server's public key, as in ``ssh-ed25519 AAAA... a comment``.

    Raises:
        ValueError: it is none, or not all of one.
    """
    kind, blob = text.split(" ", 2)[:2]
    raw = base64.b64decode(blob, validate=True)
    if _parts(raw)[:1] != [kind.encode()]:
        raise ValueError(f"is no key of the kind {kind}")
    return raw


def _parts(raw: bytes) -> list[bytes]:
    """The parts that a key is made of, each with its length before it (RFC 4251, `string`)."""
    parts = []
    while raw:
        size = int.from_bytes(raw[:_SIZE]) + _SIZE
        if len(raw) < size:
            raise ValueError("its end is missing")
        parts.append(raw[_SIZE:size])
        raw = raw[size:]
    return parts
