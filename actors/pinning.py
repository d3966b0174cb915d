"""What the computations of a host need of other hosts' files, and whether a tree brings it here.

Pure. A path ``nas:/srv/src/x.c`` lies in a tree if a copy of the tree on ``nas`` has a root above
it; then it is to be had below this host's root of the tree as well, if this host follows it and
wants the path. So a computation goes on reading ``nas:/srv/src/x.c`` while the nas is out of reach.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from simulacra.actors.data.trees.definitions import Definition


@dataclass(frozen=True, slots=True)
class Copy:
    """A tree on some host.

    Attributes:
        tree: its id.
        name: what the tree is called.
        host: the host.
        root: where it is there.
    """

    tree: str
    name: str
    host: str
    root: str


class Lies(StrEnum):
    """Where something that is read lies."""

    HERE = "here"
    FOLLOWED = "followed"
    UNWANTED = "unwanted"
    ELSEWHERE = "elsewhere"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a computation reads.

    Attributes:
        who: the computation's name.
        path: ``host:path``.
        lies: where it lies.
        tree: the name of the tree that it is in; empty for none.
        local: where it is on this host's disk, if it is followed here; else empty.
    """

    who: str
    path: str
    lies: Lies
    tree: str = ""
    local: str = ""

    @property
    def problem(self) -> str:
        """Why it is not to be had while this host is away, and what to do; empty if it is."""
        host = self.path.partition(":")[0]
        match self.lies:
            case Lies.UNWANTED:
                return (
                    f"{self.who} reads {self.path}, which the copy of {self.tree} here leaves out: "
                    f"follow all of it: simulacra tree unfollow {self.tree}; "
                    f"simulacra tree follow {self.tree} PATH"
                )
            case Lies.ELSEWHERE:
                return (
                    f"{self.who} reads {self.path} of the tree {self.tree}, which is not followed "
                    f"here: simulacra tree follow {self.tree} PATH"
                )
            case Lies.NOWHERE:
                return (
                    f"{self.who} reads {self.path}, which is in no tree: it cannot be read until "
                    f"{host} is in reach again, unless you make it one: simulacra tree add NAME "
                    f"{posixpath.dirname(self.path.partition(':')[2])} on {host}"
                )
        return ""


def needs(
    here: str,
    reads: Iterable[tuple[str, str]],
    copies: Sequence[Copy],
    definitions: Iterable[Definition],
) -> list[Need]:
    """What is needed, each thing once, in the order of computations and paths.

    Args:
        here: this host.
        reads: (computation, ``host:path``) of what is read.
        copies: all copies of all trees that are known.
        definitions: the trees of this host.
    """
    mine = {each.id: each for each in definitions}
    return [_need(here, who, path, copies, mine) for who, path in sorted(set(reads))]


def _need(
    here: str, who: str, path: str, copies: Sequence[Copy], mine: dict[str, Definition]
) -> Need:
    host, colon, rest = path.partition(":")
    if not colon or "/" in host or host == here:
        return Need(who, path, Lies.HERE)
    copy = _copy_at(host, rest, copies)
    if copy is None:
        return Need(who, path, Lies.NOWHERE)
    definition = mine.get(copy.tree)
    if definition is None:
        return Need(who, path, Lies.ELSEWHERE, copy.name)
    below = posixpath.relpath(posixpath.normpath(rest), copy.root)
    if below != "." and _leaves_out(definition, below):
        return Need(who, path, Lies.UNWANTED, copy.name)
    local = posixpath.normpath(posixpath.join(definition.root, below))
    return Need(who, path, Lies.FOLLOWED, copy.name, local)


def _leaves_out(definition: Definition, path: str) -> bool:
    choice, names = definition.choice(), path.split("/")
    above = ("/".join(names[:end]) + "/" for end in range(1, len(names)))
    return choice.ignores(path) or any(map(choice.ignores, above))


def _copy_at(host: str, path: str, copies: Iterable[Copy]) -> Copy | None:
    """The innermost copy on a host that has a path."""
    path = posixpath.normpath(path)
    found = [
        each
        for each in copies
        if each.host == host and (path == each.root or path.startswith(each.root.rstrip("/") + "/"))
    ]
    return max(found, key=lambda each: len(each.root), default=None)
