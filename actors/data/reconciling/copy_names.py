"""The names of what cannot have its own: conflict copies, and things put aside for a moment.

A copy is called ``stem.conflict-HOST-n.suffix`` after the dot of what it shows, and of nothing
else, so that all hosts call it alike; ``HOST.INCARNATION`` from a host's second incarnation on. Of
a name that gets too long the stem is cut, not within a UTF-8 character. A name that begins with
`ASIDE` is for a moment only: nothing is ever known under it.
"""

from __future__ import annotations

import hashlib
from typing import Final

from simulacra.actors.data.entries import Path
from simulacra.actors.data.reconciling.dots import Dot

NAME_LIMIT: Final = 255
"""Bytes of a name that every file system takes."""

ASIDE: Final = b".simulacra-aside-"

_SUFFIX_LIMIT: Final = 32
_CONTINUES: Final = 0b10
"""The first two bits of a byte that continues a UTF-8 character."""


def copy_name(name: bytes, dot: Dot) -> bytes:
    """What a conflict copy of something with this name is called."""
    host, incarnation = dot.replica
    whose = host if incarnation == 1 else f"{host}.{incarnation}"
    mark = f".conflict-{whose}-{dot.n}".encode()
    stem, suffix = _split(name)
    return _cut(stem, NAME_LIMIT - len(mark) - len(suffix)) + mark + suffix


def aside_name(identity: bytes) -> bytes:
    """A name to put something aside under, always the same for the same thing."""
    return ASIDE + hashlib.blake2b(identity, digest_size=8).hexdigest().encode()


def is_aside(path: Path) -> bool:
    """Whether a path is, or lies in, something that was put aside."""
    return path.startswith(ASIDE) or b"/" + ASIDE in path


def is_aside_name(name: bytes) -> bool:
    """Whether a name is one to put something aside under."""
    return name.startswith(ASIDE)


def recovered_name(name: bytes) -> bytes:
    """A name that something can be known under: its own, but for what was put aside."""
    return b"recovered-" + name[len(ASIDE) :] if is_aside_name(name) else name


def _split(name: bytes) -> tuple[bytes, bytes]:
    """A name as its stem and its suffix with the dot; a hidden file's name is all stem."""
    at = name.rfind(b".")
    if at <= 0 or len(name) - at > _SUFFIX_LIMIT:
        return name, b""
    return name[:at], name[at:]


def _cut(name: bytes, limit: int) -> bytes:
    if len(name) <= limit:
        return name
    while limit and name[limit] >> 6 == _CONTINUES:
        limit -= 1
    return name[:limit]
