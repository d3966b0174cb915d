"""How copies of trees are, as their hosts say; of one that does not answer, that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.data.trees.standing import Standing
from simulacra.actors.data.trees.tree import ShowTree, copy_on
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError
from simulacra.actors.runtime.errors import RemoteError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ANSWER: Final = 3.0
LOST: Final = (ActorDeadError, AskTimeoutError, RemoteError, OSError)
"""What an ask of another host's copy raises where that is not there, or cannot say."""


class Standings:
    """See the module.

    Args:
        node: this node.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def reach(self) -> set[str]:
        """The hosts in reach, this one too."""
        return {self._node.settings.name, *self._node.neighbours.inside()}

    def of(self, tree: str, host: str, within: float = _ANSWER) -> dict[str, Any]:
        """How a host's copy is; its ``state`` is ``unknown`` where it does not answer.

        Args:
            tree: its id.
            host: whose.
            within: seconds.
        """
        try:
            ref = self._node.system.ref(copy_on(tree, host))
            standing: dict[str, Any] = ref.ask(ShowTree(), timeout=within)
        except LOST as error:
            return {**Standing().to_plain(), "state": "unknown", "reason": str(error)}
        return standing

    def of_all(self, tree: str, hosts: Iterable[str]) -> dict[str, dict[str, Any]]:
        """How the copies of those hosts are that are in reach, each once."""
        reach = self.reach()
        return {host: self.of(tree, host) for host in dict.fromkeys(hosts) if host in reach}
