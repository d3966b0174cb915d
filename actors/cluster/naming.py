"""What may be a name: one word of ASCII, of a bounded length, without a meaning of its own.

The error says which character is wrong and never shows it raw, since a name comes from anybody and
the error goes to a terminal.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

from simulacra.actors.cluster.records import is_host_name

LIMIT: Final = 63
RESERVED: Final = frozenset(
    {"all", "any", "auto", "here", "last", "localhost", "master", "none", "self"}
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SEPARATORS: Final = "@:/"

Kind = Literal["host", "tree", "computation", "device", "service", "actor", "path"]
Code = Literal["invalid", "unknown", "taken"]


class NamingError(ValueError):
    """A name cannot be used, or is nobody's.

    Attributes:
        code: ``invalid``, ``unknown`` or ``taken``.
    """

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code


def check_name(name: str, kind: Kind = "actor") -> None:
    """Refuse what cannot be a name.

    Args:
        name: the name.
        kind: what is to have it; a host's is one label of DNS.

    Raises:
        NamingError: says what is wrong and what would do.
    """
    problem = _problem(name, kind)
    if problem is not None:
        article = "an" if kind == "actor" else "a"
        raise NamingError(
            "invalid", f"{_cut(name)!r} cannot be the name of {article} {kind}: {problem}"
        )


def shown(name: str) -> str:
    """What may be no name at all, for an error: short, and with nothing that a terminal obeys."""
    cut = _cut(name)
    return cut if cut and cut.isprintable() else repr(cut)


def _cut(name: str) -> str:
    return name if len(name) <= 2 * LIMIT else f"{name[:20]}..."


def _problem(name: str, kind: Kind) -> str | None:
    if not name:
        return "it is empty"
    if len(name) > LIMIT:
        return f"it has {len(name)} characters, and {LIMIT} are allowed"
    for place, letter in enumerate(name, 1):
        if unicodedata.category(letter).startswith(("C", "Z")):
            what = "a space" if letter == " " else "a control character or blank"
            return f"character {place} is {what}"
        if letter in _SEPARATORS:
            return f"{letter!r} separates names from hosts and paths"
    if name.lower() in RESERVED:
        return "the word has a meaning of its own; add something to it"
    if kind == "host":
        return None if is_host_name(name) else "it has small letters, digits and hyphens between"
    if not _NAME.fullmatch(name):
        return "it has letters of ASCII, digits, and _ . - behind the first"
    return None
