"""Keys as WireGuard writes them: 32 bytes in base64, public or private."""

from __future__ import annotations

import base64
import binascii
from typing import Final

_BYTES: Final = 32


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
