"""Files of trees as people name them, and questions to the hosts that have them.

A FILE is ``TREE:PATH``, or a path of this host in the folder of a tree that it has.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simulacra.actors.cluster.facts import Fact
from simulacra.actors.control.tree_finding import definitions_here, tree_fact
from simulacra.actors.data.entries import Path, shown
from simulacra.actors.data.trees.tree import copy_on
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError
from simulacra.actors.runtime.errors import RemoteError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ANSWER: Final = 20.0


class TreeFile(NamedTuple):
    """A path of a tree.

    Attributes:
        tree: the tree.
        path: in it.
    """

    tree: Fact
    path: Path

    @property
    def name(self) -> str:
        """What the tree is called."""
        return self.tree.key.name

    @property
    def text(self) -> str:
        """How people write it."""
        return f"{self.name}:{shown(self.path)}"


class TreeFiles:
    """See the module."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def here(self) -> str:
        """This host's name."""
        return self._node.settings.name

    def trees(self) -> list[Fact]:
        """The trees of the network, by name."""
        return sorted(self._node.knowing.view.find("tree"), key=lambda fact: fact.key.name)

    def tree(self, name: str) -> Fact:
        """A tree by its name.

        Raises:
            GatewayError: there is none.
        """
        return tree_fact(self._node, name)

    def find(self, file: str, folder: str) -> TreeFile:
        """The path of a tree that somebody means.

        Args:
            file: as it was typed; surrogates stand for bytes that are no UTF-8, as in Python.
            folder: where, likewise.

        Raises:
            GatewayError: no tree has it.
        """
        name, colon, rest = file.partition(":")
        if colon and any(fact.key.name == name for fact in self.trees()):
            return TreeFile(self.tree(name), _inside(file, os.fsencode(rest)))
        path = FilePath(os.path.normpath(FilePath(folder) / FilePath(file).expanduser()))
        real = FilePath(os.path.realpath(path.parent)) / path.name
        for definition in definitions_here(self._node):
            root = FilePath(definition.root)
            for each in (path, real):
                if each.is_relative_to(root):
                    inside = os.fsencode(os.path.relpath(each, root))
                    return TreeFile(self.tree(definition.name), _inside(file, inside))
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"{shown(os.fsencode(path))} is in no tree that {self.here} has",
            "say TREE:PATH; the trees: simulacra tree list",
        )

    def hosts(self, tree: Fact) -> list[str]:
        """The hosts that have a tree and are in reach: this one first, then the main store's."""
        reach = {self.here, *self._node.neighbours.inside()}
        holders = [each for each in self._node.knowing.holders(tree.key.subject) if each in reach]
        return sorted(holders, key=lambda host: host != self.here)

    def away(self, tree: Fact) -> list[str]:
        """The hosts that have a tree and are out of reach."""
        reach = self.hosts(tree)
        return [each for each in self._node.knowing.holders(tree.key.subject) if each not in reach]

    def ask(self, tree: Fact, host: str, question: object) -> Any:
        """Ask a host's copy of a tree.

        Raises:
            GatewayError: it does not answer, or says why it cannot.
        """
        name = tree.key.name
        try:
            ref = self._node.system.ref(copy_on(tree.key.subject, host))
            return ref.ask(question, timeout=_ANSWER)
        except ValueError as error:
            raise GatewayError(
                ErrorCode.FAILED, str(error), f"see: simulacra conflicts {name}"
            ) from error
        except (ActorDeadError, AskTimeoutError, RemoteError, OSError) as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{host} does not answer for {name}: {error}",
                f"see what it is at: simulacra tree status {name}",
            ) from error

    def ask_one(self, tree: Fact, question: object, hosts: Sequence[str] = ()) -> Any:
        """Ask the first copy that answers.

        Args:
            tree: which.
            question: what.
            hosts: whom, if not all.

        Raises:
            GatewayError: none answers, or one says why it cannot.
        """
        failed: GatewayError | None = None
        for host in hosts or self.hosts(tree):
            try:
                return self.ask(tree, host, question)
            except GatewayError as error:
                if error.code is not ErrorCode.UNREACHABLE:
                    raise
                failed = error
        raise failed or GatewayError(
            ErrorCode.UNREACHABLE,
            f"no host that has {tree.key.name} is in reach: {', '.join(self.away(tree))}",
            "see who is there: simulacra status",
        )


def _inside(file: str, path: bytes) -> Path:
    names = [name for name in path.split(b"/") if name not in {b"", b"."}]
    if not names or b".." in names:
        raise GatewayError(
            ErrorCode.USAGE,
            f"{shown(os.fsencode(file))} is no file in a tree",
            "say TREE:PATH, or a path in its folder",
        )
    return b"/".join(names)
