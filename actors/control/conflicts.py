"""Conflicts of trees: what they are on every host, and how they are settled from any."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulacra.actors.cluster.facts import Fact
from simulacra.actors.control.tree_files import TreeFile, TreeFiles
from simulacra.actors.data.content.text_merge import LARGEST
from simulacra.actors.data.entries import shown
from simulacra.actors.data.trees.questions import MOST, CountConflicts, ListConflicts, Settle
from simulacra.actors.data.trees.tree import ShowBranches
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

MAIN, BOTH = "main", "both"

Conflict = Mapping[str, Any]


class Conflicts:
    """The verbs ``conflicts`` and ``conflict_settle``."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._files = TreeFiles(node)

    def all(self, call: Call) -> Iterator[object]:
        """The conflicts of one tree, or of all: of each so many at a time, and how many more."""
        name, skip = call.arg("tree", str, None), call.arg("skip", int, 0)
        if skip < 0:
            raise GatewayError(ErrorCode.USAGE, "less than none cannot be skipped", "say 0 or more")
        trees = self._files.trees() if name is None else [self._files.tree(name)]
        found: list[dict[str, Any]] = []
        branches: list[dict[str, Any]] = []
        unknown: dict[str, str] = {}
        more: dict[str, int] = {}
        for tree in trees:
            try:
                conflicts = self._of(tree, ListConflicts(skip))
                if len(conflicts) == MOST:
                    more[tree.key.name] = self._count(tree) - skip - MOST
                branches += self._files.ask_one(tree, ShowBranches(tree.key.name))
            except GatewayError as error:
                if name is not None:
                    raise
                unknown[tree.key.name] = error.message
                continue
            found += [{"tree": tree.key.name, **_for_people(each)} for each in conflicts]
        more = {tree: count for tree, count in more.items() if count > 0}
        yield {"conflicts": found, "branches": branches, "unknown": unknown, "more": more}

    def settle(self, call: Call) -> Iterator[object]:
        """Settle one."""
        folder, take = call.path("folder"), call.path("take")
        file = self._files.find(call.path("file"), folder)
        conflict = self._conflict(file)
        question = self._question(file, conflict, take, Path(folder))
        hosts = [] if question.content is None else self._complete(file)
        self._files.ask_one(file.tree, question, hosts)
        yield {
            "tree": file.name,
            "path": shown(conflict["path"]),
            "taken": shown(os.fsencode(take)),
        }

    # -- parts

    def _of(self, tree: Fact, question: ListConflicts) -> list[Conflict]:
        found: list[Conflict] = self._files.ask_one(tree, question)
        return found

    def _count(self, tree: Fact) -> int:
        count: int = self._files.ask_one(tree, CountConflicts())
        return count

    def _conflict(self, file: TreeFile) -> Conflict:
        for each in self._of(file.tree, ListConflicts(path=file.path)):
            if file.path in {each["path"], *(side["name"] for side in each["sides"])}:
                return each
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"{file.text} is in no conflict",
            f"see those that are: simulacra conflicts {file.name}",
        )

    def _question(self, file: TreeFile, conflict: Conflict, take: str, folder: Path) -> Settle:
        path, dots = conflict["path"], [side["dot"] for side in conflict["sides"]]
        if take == BOTH:
            return Settle(path, dots)
        host = file.tree.value["host"] if take == MAIN else take
        of_host = [side["dot"] for side in conflict["sides"] if side["host"] == host]
        if len(of_host) == 1:
            return Settle(path, dots, side=of_host[0])
        edited = folder / Path(take).expanduser()
        if take != MAIN and not of_host and edited.is_file():
            return Settle(path, dots, content=_content(edited))
        raise _no_choice(file, conflict, take, len(of_host))

    def _complete(self, file: TreeFile) -> list[str]:
        """The hosts in reach that have the file itself, this one first."""
        complete = self._node.knowing.complete_holders(file.tree.key.subject)
        hosts = [host for host in self._files.hosts(file.tree) if host in complete]
        if not hosts:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"no host in reach has all of {file.name}",
                "see who is there: simulacra status; or take a side or both",
            )
        return hosts


def _content(edited: Path) -> bytes:
    name = shown(os.fsencode(edited))
    try:
        with edited.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise GatewayError(
            ErrorCode.USAGE, f"{name} cannot be read: {error.strerror}", "choose another file"
        ) from error
    if len(data) > LARGEST:
        raise GatewayError(
            ErrorCode.USAGE,
            f"{name} has more than {LARGEST} bytes",
            "put it in the file's place in the tree's folder yourself, and delete the copies",
        )
    return data


def _no_choice(file: TreeFile, conflict: Conflict, take: str, sides: int) -> GatewayError:
    hosts = ", ".join(sorted({side["host"] for side in conflict["sides"]}))
    names = ", ".join(shown(side["name"]) for side in conflict["sides"])
    if sides:
        why = f"{sides} sides of {file.text} are of that host"
    elif take == MAIN:
        why = f"no side of {file.text} is the main store's, {file.tree.value['host']}"
    else:
        why = f"{shown(os.fsencode(take))} is no side of {file.text}, nor a file here"
    return GatewayError(
        ErrorCode.USAGE,
        f"{why}; the sides are of {hosts}, under {names}",
        f"take one of these, both, or the path of a file: simulacra conflicts resolve {file.text} "
        "--take both",
    )


def _for_people(conflict: Conflict) -> dict[str, Any]:
    sides = [
        {**side, "name": shown(side["name"]), "dot": list(side["dot"])}
        for side in conflict["sides"]
    ]
    return {"path": shown(conflict["path"]), "kind": conflict["kind"], "sides": sides}
