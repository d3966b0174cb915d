"""The host's private keys of the overlay: made here, of root alone, and told to nobody.

A key lies in a file of its own below the helper's state folder, in base64 as WireGuard has it: the
present one, and during a rotation the next one.
"""

from __future__ import annotations

import base64
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from simulacra.actors.private_files import replace_private, sync_folder
from simulacra.hosts.inventory.keys import raw_key


class PrivateKeyError(Exception):
    """A private key cannot be used: the text says which file, why, and what to do."""


class KeyStore:
    """The keys of one host.

    Args:
        folder: where they lie; made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._present = folder / "overlay.key"
        self._next = folder / "overlay.key.next"

    def private(self) -> str:
        """The present private key in base64, which is made where there is none.

        Raises:
            PrivateKeyError: what lies there is none, or others may read it.
            OSError: it cannot be written.
        """
        return self._read_or_make(self._present)

    def public(self) -> str:
        """The public half of the present key."""
        return public_half(self.private())

    def next_public(self) -> str:
        """The public half of the key that is to come, which is made where there is none."""
        return public_half(self._read_or_make(self._next))

    def turn(self) -> str:
        """Have the next key be the present one, and return its public half.

        Raises:
            PrivateKeyError: there is no next one.
        """
        if not self._next.exists():
            raise PrivateKeyError("there is no next key to turn to: ask for it first")
        self._read_or_make(self._next)
        self._next.replace(self._present)
        sync_folder(self._present.parent)
        return self.public()

    def _read_or_make(self, file: Path) -> str:
        if not file.exists():
            raw = X25519PrivateKey.generate().private_bytes_raw()
            replace_private(file, base64.b64encode(raw).decode() + "\n")
        mode = file.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise PrivateKeyError(f"{file} may be read by others: chmod 600 {file}")
        text = file.read_text().strip()
        try:
            raw_key(text)
        except ValueError:
            why = f"{file} holds no WireGuard key; if it is lost: rm {file}"
            raise PrivateKeyError(why) from None
        return text


def public_half(private: str) -> str:
    """The public key of a private one, both in base64."""
    key = X25519PrivateKey.from_private_bytes(raw_key(private))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()
