"""Keys: this node's own CURVE key pair, and the public keys that the network admits.

The node's pair lives in one file that only its user may read: two lines, ``public Z85`` and
``secret Z85``. The network's list is a text file, one ``NAME KEY [ADDRESS]`` a line, a
word with ``#`` begins a comment. A name may have several keys, one key has one name. Secret keys
are never logged or shown.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import zmq
from zmq.utils import z85

_KEY_LENGTH = 40


class KeyFileError(Exception):
    """A file of keys cannot be used."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A node's CURVE key pair, both Z85 text."""

    public: str
    secret: str = field(repr=False)

    @classmethod
    def generate(cls) -> KeyPair:
        """A new pair."""
        public, secret = zmq.curve_keypair()
        return cls(public.decode(), secret.decode())

    @classmethod
    def load_or_make(cls, path: Path) -> KeyPair:
        """The pair in a file; it is made if there is none, once, also when two nodes start at once.

        Raises:
            KeyFileError: the file is damaged, or others may read it.
        """
        if not path.exists():
            pair = cls.generate()
            write_private_once(path, f"public {pair.public}\nsecret {pair.secret}\n")
        words = read_private(path)
        pair = cls(words.get("public", ""), words.get("secret", ""))
        if not pair.is_valid():
            raise KeyFileError(f"{path} holds no key pair: delete it to get a new one")
        return pair

    def is_valid(self) -> bool:
        """Whether the two belong together."""
        try:
            return zmq.curve_public(self.secret.encode()).decode() == self.public
        except (ValueError, zmq.ZMQError):
            return False


def read_private(path: Path) -> dict[str, str]:
    """The lines of a file of secrets, each a word and what stands behind it.

    Raises:
        KeyFileError: others may read it.
    """
    if path.stat().st_mode & 0o077:
        raise KeyFileError(
            f"{path} may be read by others, so its key may be known: delete it to get a new "
            f"one, or, if you are sure that nobody read it, type: chmod 600 {path}"
        )
    lines = (line.partition(" ") for line in path.read_text().splitlines())
    return {word: rest.strip() for word, _, rest in lines}


def write_private_once(path: Path, text: str) -> bool:
    """Write a file of secrets, for its user only, as a whole; False if there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename, fails if another one was first
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)  # noqa: PTH108 - beside its opposite
    return True


@dataclass(frozen=True, slots=True)
class Member:
    """One line of the network's list.

    Attributes:
        name: the node's name.
        key: its public key, Z85.
        address: ``host:port`` where it listens, or an empty string.
        outside: whether it reaches only what was exposed (see `outside`); no line says so, the
            network's records do.
    """

    name: str
    key: str
    address: str = ""
    outside: bool = False


class KeyList:
    """The public keys that the network admits; replaced as a whole, read from any thread."""

    def __init__(self, members: Iterable[Member] = ()) -> None:
        self._members = {member.key: member for member in members}

    @classmethod
    def read(cls, path: Path) -> KeyList:
        """Read a list.

        Raises:
            KeyFileError: a line is wrong; says which and why.
        """
        return cls.parse(str(path), path.read_text(errors="replace"))

    @classmethod
    def parse(cls, source: str, text: str) -> KeyList:
        """The list in ``text``, where a key may stand in quotes as it does in a shell.

        Raises:
            KeyFileError: a line is wrong; says which line of ``source`` and why.
        """
        members: dict[str, Member] = {}
        for number, line in enumerate(text.splitlines(), 1):
            words = _without_comment(line.split())
            if not words:
                continue
            try:
                member = _member([word.strip("'") for word in words])
            except ValueError as error:
                raise KeyFileError(f"{source}, line {number}: {error}") from None
            if member.key in members:
                twice = members[member.key].name
                raise KeyFileError(f"{source}, line {number}: the key of {twice} is here twice")
            members[member.key] = member
        return cls(members.values())

    def __contains__(self, key: str) -> bool:
        return key in self._members

    def get(self, key: str) -> Member | None:
        """The member with a key, if it is admitted."""
        return self._members.get(key)

    def members(self) -> list[Member]:
        """All of them, by name."""
        return sorted(self._members.values(), key=lambda member: member.name)


def _without_comment(words: list[str]) -> list[str]:
    """What stands before a word that begins with ``#``; a key may hold that sign, but not first."""
    return list(takewhile(lambda word: not word.startswith("#"), words))


def _member(words: list[str]) -> Member:
    if len(words) not in (2, 3):
        raise ValueError(f"wanted NAME KEY [ADDRESS], found {len(words)} words")
    name, key, *address = words
    check_public_key(key)
    return Member(name, key, "".join(address))


def check_public_key(key: str) -> None:
    """Refuse what is no public key.

    Raises:
        ValueError: says what is wrong.
    """
    if len(key) != _KEY_LENGTH:
        raise ValueError(f"a key has {_KEY_LENGTH} characters, this one has {len(key)}")
    try:
        z85.decode(key.encode())
    except (KeyError, UnicodeError, ValueError, struct.error):
        raise ValueError("the key has characters that no key has") from None
