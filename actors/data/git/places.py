"""Where each value of a history is to be in a repository: a pure rule, the same on every host.

Of several values of a name the one set last is in its place (by clock, then by dot). The others
are kept as refs below ``refs/simulacra/``, named after the host where they were made:
``refs/simulacra/HOST/heads/NAME``, ``/tags/NAME``, ``/HEAD`` for a commit that was checked out as
such, ``/index`` for what was staged. Where that name is taken, ``REPLICA-N/`` comes before it.

- HEAD is at the branch switched to last that is there.
- Two branches of which one's name is a folder of the other's, ``a`` and ``a/b``, cannot both be in
  their place: HEAD's is, then the one set last; the other is kept as above.
- What is staged is in the index only while HEAD is at the commit that it was staged on; on another
  commit it would undo that one's changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from simulacra.actors.cluster.lattice import Dot
from simulacra.actors.cluster.lattice import State as History
from simulacra.actors.data.git.state import (
    CONFIG,
    HEAD,
    INDEX,
    KEPT,
    SYMBOLIC,
    TABLE,
    Value,
    elements,
    is_object,
    values,
)

LAST_WINS: Final = (CONFIG, "refs/remotes/")
"""Names whose other values are not kept: they are settings, or copies of what a server has."""

Ranked = tuple[Dot, Value]


@dataclass(frozen=True, slots=True)
class Places:
    """Where values are.

    Attributes:
        shown: the dot of the value that a name has.
        kept: the refs below ``refs/simulacra/``, each with the name and dot of its value.
    """

    shown: dict[str, Dot]
    kept: dict[str, tuple[str, Dot]]


@dataclass(slots=True)
class _Taken:
    """Names of refs, none of which is a folder of another's."""

    names: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def take(self, name: str) -> bool:
        """Take a name; False if it or a folder of it is taken."""
        parts = name.split("/")
        above = {"/".join(parts[:n]) for n in range(1, len(parts))}
        if name in self.names or name in self.folders or above & self.names:
            return False
        self.names.add(name)
        self.folders |= above
        return True


def ranked(history: History, name: str) -> list[Ranked]:
    """The values of a name, the one set last first."""
    return sorted(values(history, name).items(), key=rank, reverse=True)


def rank(value: Ranked) -> tuple[int, Dot]:
    """What decides between values: when they were set, then their dot."""
    return value[1].clock, value[0]


def branch_of(text: str) -> str | None:
    """The branch that a HEAD is at; None for a commit."""
    return text.removeprefix(SYMBOLIC) if text.startswith(SYMBOLIC) else None


def head(history: History) -> Ranked | None:
    """The HEAD: the last one set whose branch is there, or the last one if none's is."""
    heads = ranked(history, HEAD)
    for found in heads:
        branch = branch_of(found[1].text)
        if branch is None or values(history, branch):
            return found
    return heads[0] if heads else None


def head_commit(history: History) -> str:
    """The commit that is checked out; ``-`` if there is none yet."""
    found = head(history)
    if found is None:
        return "-"
    branch = branch_of(found[1].text)
    if branch is None:
        return found[1].text
    return next((value.text for _, value in ranked(history, branch)), "-")


def places(history: History) -> Places:
    """Where each value is to be."""
    shown = _shown(history)
    others = [
        (rank((dot, value)), name, dot, value)
        for name, dot, value in elements(history)
        if shown.get(name) != dot and _is_kept(name, value)
    ]
    taken, kept = _Taken(), {}
    for _, name, dot, value in sorted(others, reverse=True):
        short = name.removeprefix("refs/")
        ref = f"{KEPT}{value.host}/{short}"
        if not taken.take(ref):
            ref = f"{KEPT}{value.host}/{dot[0]}-{dot[1]}/{short}"
            taken.take(ref)
        kept[ref] = (name, dot)
    return Places(shown, kept)


def _shown(history: History) -> dict[str, Dot]:
    shown: dict[str, Dot] = {}
    refs = []
    for name in history.keys(TABLE):
        if name == HEAD:
            continue
        if name == INDEX:
            base = head_commit(history)
            for dot, value in reversed(ranked(history, name)):
                if value.text.partition(" ")[2] == base:
                    shown[name] = dot
        elif name.startswith("refs/"):
            refs.append((rank(ranked(history, name)[0]), name))
        else:
            shown[name] = ranked(history, name)[0][0]
    at = head(history)
    current = None
    if at is not None:
        shown[HEAD] = at[0]
        current = branch_of(at[1].text)
    taken = _Taken()
    for (_, dot), name in sorted(refs, key=lambda ref: (ref[1] == current, ref), reverse=True):
        if taken.take(name):
            shown[name] = dot
    return shown


def _is_kept(name: str, value: Value) -> bool:
    if name == HEAD:
        return is_object(value.text)
    return name == INDEX or (name.startswith("refs/") and not name.startswith(LAST_WINS))
