"""Files of signing keys: a host's own, and an owner's, which is the network's highest secret.

Two lines, ``public HEX`` and ``secret HEX``, in a file that only its user may read. An owner's key
is made once and never written over; to back it up, or to move it to another machine, the file's
text is copied, on paper if need be.
"""

from __future__ import annotations

from pathlib import Path

from simulacra.actors.cluster.ed25519 import Signer, is_key
from simulacra.actors.runtime.keys import KeyFileError, read_private, write_private_once


def load_or_make(path: Path) -> Signer:
    """The key in a file; it is made if there is none, once, also when two want it at once.

    Raises:
        KeyFileError: the file is damaged, or others may read it.
    """
    if not path.exists():
        write_private_once(path, text_of(Signer.generate()))
    return load(path)


def make(path: Path, signer: Signer | None = None) -> Signer:
    """Write a new key, or the one given, into a new file.

    Raises:
        KeyFileError: there is one already, which is left as it is.
    """
    signer = signer or Signer.generate()
    if not write_private_once(path, text_of(signer)):
        raise KeyFileError(
            f"{path} has a key already, and who loses it loses what it owns: move it away first, "
            f"for example with: mv {path} {path}.old"
        )
    return signer


def load(path: Path) -> Signer:
    """The key in a file.

    Raises:
        KeyFileError: there is none, it is damaged, or others may read it.
    """
    if not path.exists():
        raise KeyFileError(f"there is no key in {path}: put it there from where it was made")
    words = read_private(path)
    signer = _signer(words)
    if signer is None:
        raise KeyFileError(f"{path} is damaged: put it back from its backup")
    return signer


def parse(text: str) -> Signer:
    """The key in the text of such a file, as it was backed up.

    Raises:
        KeyFileError: it is none.
    """
    lines = (line.partition(" ") for line in text.splitlines())
    signer = _signer({word: rest.strip() for word, _, rest in lines})
    if signer is None:
        raise KeyFileError(
            "this is no key as it was backed up: it has two lines, public and secret, each with "
            "64 digits"
        )
    return signer


def text_of(signer: Signer) -> str:
    """The text of a key's file; whoever reads it has the key."""
    return f"public {signer.key}\nsecret {signer.seed.hex()}\n"


def _signer(words: dict[str, str]) -> Signer | None:
    secret = words.get("secret", "")
    if not is_key(secret):  # a seed has as many digits as a public key
        return None
    signer = Signer(bytes.fromhex(secret))
    return signer if signer.key == words.get("public") else None
