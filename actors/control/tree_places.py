"""Trees as places: a directory in a tree is on every host that has a copy of all of it.

A directory is in a tree if it is below the tree's root on the same file system, by the kernel's own
names, so that binds and links lead to the same answer, and what is mounted over a part of a tree is
no part of it. Only copies that have all of the tree count, on hosts in reach, the main store first.
"""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from simulacra.actors.compute.mounts import Lying, UnmappedError
from simulacra.actors.compute.whereabouts import directory
from simulacra.actors.control.places import InTree, Place
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.trees import TREES, ListTrees
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

logger = logging.getLogger(__name__)

_ASK: Final = 5.0


class TreePlaces:
    """Directories in trees of this host."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def find(self, lying: Lying) -> Sequence[Place]:
        """As `places.Places` says."""
        for definition in self._definitions():
            below = _below(definition, lying)
            if below is not None:
                tree = InTree(definition.id, definition.name, below)
                via = f"{lying.path} is in the tree {tree.name}"
                own = Place(self._node.settings.name, lying.path, via, None, tree)
                return (own, *self._others(tree))
        return ()

    def _definitions(self) -> list[Definition]:
        try:
            found: list[Definition] = self._node.system.ref(TREES).ask(ListTrees(), timeout=_ASK)
        except (ActorDeadError, AskTimeoutError) as error:
            logger.warning("whether a directory is in a tree is not known: %s", error)
            return []
        return found

    def _others(self, tree: InTree) -> Iterator[Place]:
        own, inside = self._node.settings.name, set(self._node.neighbours.inside())
        copies = self._node.knowing.view.find("copy", name=tree.id)
        paths = {each.key.subject: each.value["path"] for each in copies if each.value["complete"]}
        for host in self._node.knowing.holders(tree.id):
            if host in inside - {own} and host in paths:
                path = posixpath.join(paths[host], tree.below).rstrip("/")
                via = f"{path} on {host} is the same directory, in the tree {tree.name}"
                yield Place(host, path, via, None, tree)


def _below(definition: Definition, lying: Lying) -> str | None:
    try:
        root = directory(definition.root)
    except (OSError, UnmappedError) as error:
        logger.info("the tree %s is not where it was: %s", definition.name, error)
        return None
    return None if root is None else lying.below_of(root)
