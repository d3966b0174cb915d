"""What the name of a temporary file tells, so that what a kill left is never taken for another.

=========================  =====================================================================
``…nTOKEN``                new content that has never been in its place: to be removed.
``…sINODE-NAME``           changes places with NAME. If it still is INODE it is new content, which
                           never got there; otherwise it is what was at NAME, and is to be kept.
``…oINODE-NAME``           what was at NAME and is to be removed: it goes back.
=========================  =====================================================================

INODE is hexadecimal; NAME is cut where the whole would be longer than a name may be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from simulacra.actors.data.entries import TEMPORARY

_LONGEST: Final = 255
_NAME: Final = re.compile(
    re.escape(TEMPORARY) + rb"(?:n[0-9a-f]+-[0-9a-f]+|([so])([0-9a-f]{1,16})-(.+))", re.DOTALL
)


class Mark(Enum):
    """What a temporary file is for."""

    NEW = b"n"
    SWAP = b"s"
    ASIDE = b"o"


@dataclass(frozen=True, slots=True)
class Temporary:
    """What a temporary name tells.

    Attributes:
        mark: what the file is for.
        inode: the new content's for `Mark.SWAP`, the old one's for `Mark.ASIDE`, else 0.
        name: the name that it belongs to; empty for `Mark.NEW`.
        cut: whether the name may be longer than what is left of it here.
    """

    mark: Mark
    inode: int = 0
    name: bytes = b""
    cut: bool = False


def new_name(run: int, number: int) -> bytes:
    """A name for new content: unique by the run of the program and a number in it."""
    return TEMPORARY + Mark.NEW.value + b"%x-%x" % (run, number)


def swap_name(inode: int, name: bytes) -> bytes:
    """The name for new content that is to change places with a name."""
    return _named(Mark.SWAP, inode, name)


def aside_name(inode: int, name: bytes) -> bytes:
    """The name for what is taken from its place."""
    return _named(Mark.ASIDE, inode, name)


def parse(name: bytes) -> Temporary | None:
    """What a name tells; None where it is none of these."""
    match = _NAME.fullmatch(name)
    if match is None or len(name) > _LONGEST:
        return None
    if match[1] is None:
        return Temporary(Mark.NEW)
    return Temporary(Mark(match[1]), int(match[2], 16), match[3], cut=len(name) == _LONGEST)


def _named(mark: Mark, inode: int, name: bytes) -> bytes:
    return (TEMPORARY + mark.value + b"%x-" % inode + name)[:_LONGEST]
