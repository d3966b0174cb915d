"""The trees of this host: the table of them, and their actors.

The table's actor, registered as ``trees``, starts one `Tree` for each definition under a supervisor
of their own (`pool_spec`), and passes on to them that a host was met.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, Final

from simulacra.actors.data.trees.definitions import FILE, Definition, DefinitionError, Definitions
from simulacra.actors.data.trees.orders import Met, Order
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.returning import prepare
from simulacra.actors.data.trees.tree import Means, Tree, actor_name
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.childspec import ChildSpec, Flags
from simulacra.actors.runtime.supervision import SupervisorHandle
from simulacra.actors.runtime.supervisor import Supervisor

logger = logging.getLogger(__name__)

TREES: Final = "trees"
POOL: Final = "trees-pool"


@dataclass(frozen=True, slots=True)
class ListTrees:
    """Which trees are here? Answered with their `Definition`s."""


@dataclass(frozen=True, slots=True)
class HaveTree:
    """Have a tree, or have it changed."""

    definition: Definition


@dataclass(frozen=True, slots=True)
class DropTree:
    """Have a tree no more; its files stay."""

    id: str


@dataclass(frozen=True, slots=True)
class PauseTree:
    """Leave a tree as it is for now, or go on with it."""

    id: str
    paused: bool


def specs(host: str, state: FilePath, means: Means) -> list[ChildSpec]:
    """Their place in the node's tree: the pool, then the table.

    Args:
        host: this host's name.
        state: where the node keeps what it knows of them.
        means: what it gives them.
    """
    flags = Flags(strategy="one_for_one", intensity=10, period=10.0)
    pool = ChildSpec(POOL, Supervisor, (flags, []), {"name": POOL}, kind="supervisor")
    return [pool, ChildSpec(TREES, Trees, (host, state, means), {"name": TREES})]


class Trees(Actor):
    """See the module.

    Args:
        host: this host's name.
        state: where the node keeps what it knows of them.
        means: what it gives them.
    """

    def __init__(self, host: str, state: FilePath, means: Means) -> None:
        self._host = host
        self._state = state
        self._means = means
        self._definitions = Definitions(state / FILE)

    def on_start(self) -> None:
        """Start the trees that are defined, but for those that run already."""
        pool = self.system.whereis(POOL)
        if pool is None:
            raise DefinitionError("the pool of trees is not there")
        self._pool = SupervisorHandle(pool)
        for definition in self._definitions.all():
            if self.system.whereis(actor_name(definition.id)) is None:
                self._begin(definition)

    def on_receive(self, message: Any) -> Any:
        """See the messages."""
        match message:
            case ListTrees():
                return self._definitions.all()
            case HaveTree(definition):
                self._have(definition)
            case DropTree(tree):
                self._drop(tree)
            case PauseTree(tree, paused):
                self._pause(tree, paused=paused)
            case Met():
                for definition in self._definitions.all():
                    self._tell(definition.id, message)
            case _:
                self.refuse(message)
        return None

    def _have(self, definition: Definition) -> None:
        definition.choice()
        definition.hoard()
        self._end(definition.id)
        if self._definitions.get(definition.id) is None:
            prepare(self._place(definition), anew=True)
        self._definitions.put(definition)
        self._begin(definition)

    def _drop(self, tree: str) -> None:
        self._definitions.remove(tree)
        self._end(tree)

    def _pause(self, tree: str, *, paused: bool) -> None:
        definition = self._definitions.get(tree)
        if definition is not None:
            self._definitions.put(replace(definition, paused=paused))
            self._tell(tree, Order.PAUSE if paused else Order.RESUME)

    def _begin(self, definition: Definition) -> None:
        arguments = (definition, self._place(definition), self._means)
        name = {"name": actor_name(definition.id)}
        self._pool.start_child(ChildSpec(definition.id, Tree, arguments, name))

    def _place(self, definition: Definition) -> Place:
        root, state = FilePath(definition.root), self._state / definition.id
        return Place(self._host, root, state, self._means.identity())

    def _end(self, tree: str) -> None:
        if self.system.whereis(actor_name(tree)) is not None:
            self._pool.terminate_child(tree)
            self._pool.delete_child(tree)

    def _tell(self, tree: str, message: Any) -> None:
        ref = self.system.whereis(actor_name(tree))
        if ref is not None:
            ref.tell(message)
