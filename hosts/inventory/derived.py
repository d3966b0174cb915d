"""Numbers that follow from texts: the same on every machine and for ever, with nothing to keep."""

from __future__ import annotations

import hashlib


def derived(text: str, bits: int = 64) -> int:
    """The number of a text, of so many bits, which are whole bytes."""
    digest = hashlib.sha256(f"simulacra {text}".encode()).digest()
    return int.from_bytes(digest[: bits // 8], "big")
