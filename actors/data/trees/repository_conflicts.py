"""What two sides did to a git repository in a tree, of which one is in its place, as a list."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from simulacra.actors.data.entries import Path, printable, shown
from simulacra.actors.data.git import sync
from simulacra.actors.data.git.repository import Held, Repository
from simulacra.actors.data.git.state import State

_KINDS: Final = {"refs/heads/": "branch", "refs/tags/": "tag", "HEAD": "head", "index": "index"}


@dataclass(frozen=True, slots=True)
class Side:
    """One of two.

    Attributes:
        host: where it was made.
        commit: the object.
        subject: the first line of its message; empty for what is no commit.
        time: when it was made, seconds since the epoch; 0 for what is no commit.
    """

    host: str
    commit: str
    subject: str
    time: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """What two sides changed.

    Attributes:
        path: of the repository in the tree.
        kind: ``branch``, ``tag``, ``head``, ``index`` or ``ref``.
        name: of the branch or tag, or the whole ref.
        sides: what is in its place, if anything is, and then the other.
        settle: the command that settles it, typed in that repository.
    """

    path: Path
    kind: str
    name: str
    sides: tuple[Side, ...]
    settle: str

    def to_plain(self, tree: str) -> dict[str, Any]:
        """As plain data, for users to see."""
        path = shown(self.path) or "."
        sides = [asdict(side) | {"subject": printable(side.subject)} for side in self.sides]
        return {
            "tree": tree,
            "path": path,
            "kind": self.kind,
            "name": printable(self.name),
            "sides": sides,
            "settle": printable(self.settle),
        }


def listed(path: Path, repository: Repository, state: State) -> list[Conflict]:
    """The conflicts of a repository, with what its commits say."""
    found = sync.conflicts(state)
    if not found:
        return []
    try:
        told = sync.tell(repository, [one for each in found for _, one in each.sides])
    except Held:
        told = {}
    conflicts = []
    for each in found:
        prefix = next((one for one in _KINDS if each.name.startswith(one)), "")
        name = each.name.removeprefix(prefix) or each.name
        nothing = sync.Told("", 0)
        sides = tuple(
            Side(host, one, told.get(one, nothing).subject, told.get(one, nothing).time)
            for host, one in each.sides
        )
        conflicts.append(Conflict(path, _KINDS.get(prefix, "ref"), name, sides, each.settle))
    return conflicts
