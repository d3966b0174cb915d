"""Two copies of a tree brought into step, for a command that runs in one of them.

Other copies are not waited for. The *source* looks at its disk first, so that an edit of a moment
ago is carried, too; then it is as always: the copies hear of one another and fetch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from simulacra.actors.compute.runs import RUNS, IsFolder, Look
from simulacra.actors.compute.tree_step import Side, Step, missing, scans_seen, step
from simulacra.actors.control.learning import Learning
from simulacra.actors.control.places import InTree
from simulacra.actors.control.standings import Standings
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ASK: Final = 5.0
_AT_ONCE: Final = 1.0
_TELL_EVERY: Final = 1.0
_PAUSES: Final = (0.01, 0.1)
"""Seconds between two looks, the first and the longest."""


class Copies:
    """The verb ``tree_carry``.

    Args:
        node: this host's.
        learning: what was learned of commands.
    """

    def __init__(self, node: Node, learning: Learning) -> None:
        self._node = node
        self._copies = Standings(node)
        self._learning = learning

    def waiting(self, tree: InTree, host: str) -> int:
        """How many changes of this host's copy another one has not heard of, as far as is seen.

        Of one that does not answer at once nothing is known to be there.
        """
        own = self._node.settings.name
        return missing(self._side(tree.id, own, _AT_ONCE), self._side(tree.id, host, _AT_ONCE))

    def carry(self, call: Call) -> Iterator[object]:
        """Bring one copy's changes to another one's disk; say each second how far it is."""
        name, host, habit = call.arg("name", str), call.arg("host", str), call.arg("habit", str, "")
        sides = self._node.settings.name, host
        source, target = reversed(sides) if call.arg("back", bool) else sides
        tree, path = self._id(name), call.arg("path", bytes, None)
        began = told = time.monotonic()
        seen, pause = scans_seen(self._side(tree, source)), _PAUSES[0]
        self._look(name, tree, source)
        while True:
            call.check()
            now = time.monotonic()
            have, want = self._side(tree, source), self._side(tree, target)
            at = step(name, have, seen, want, now - began)
            _check(at)
            if at.done:
                break
            if now - told >= _TELL_EVERY:
                yield {"done": False, "at": at.at, "changes": at.changes}
                told = now
            time.sleep(pause)
            pause = min(2 * pause, _PAUSES[1])
        if path is not None:
            self._check_folder(target, path)
        seconds = time.monotonic() - began
        if habit:
            self._learning.carried(habit, seconds + call.arg("spent", float, 0.0))
        yield {"done": True, "at": at.at, "changes": 0, "seconds": seconds}

    def _id(self, name: str) -> str:
        for fact in self._node.knowing.view.find("tree"):
            if fact.key.name == name:
                return str(fact.key.subject)
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"there is no tree {name} any more",
            "see which there are: simulacra tree list",
        )

    def _look(self, name: str, tree: str, host: str) -> None:
        if not self._ask(host, Look(tree)):
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"{host} has no copy of {name} any more",
                f"see who has: simulacra tree status {name}",
            )

    def _check_folder(self, host: str, path: bytes) -> None:
        if not self._ask(host, IsFolder(path)):
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"there is no directory {os.fsdecode(path)} on {host}: it is none of the tree's",
                f"run it here: simulacra run --on {self._node.settings.name} -- COMMAND",
            )

    def _ask(self, host: str, question: Look | IsFolder) -> bool:
        try:
            return bool(self._node.system.ref(f"{RUNS}@{host}").ask(question, timeout=_ASK))
        except (ActorDeadError, AskTimeoutError, OSError) as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{host} does not answer: {error}",
                "see who is connected, and with which version: simulacra status",
            ) from error

    def _side(self, tree: str, host: str, timeout: float = _ASK) -> Side:
        return Side(host, self._copies.of(tree, host, timeout))


def _check(at: Step) -> None:
    if at.held is not None:
        raise GatewayError(ErrorCode.FAILED, at.held, at.hint)
