"""Which trees there are, on which hosts, and how far each copy is; and waiting until it is all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.facts import Fact
from simulacra.actors.compute.tree_step import looks_begun
from simulacra.actors.control.following import Followed, Following
from simulacra.actors.control.standings import Standings
from simulacra.actors.control.tree_finding import (
    definitions_here,
    listed,
    own_definition,
    tree_fact,
)
from simulacra.actors.data.trees.orders import Order
from simulacra.actors.data.trees.tree import actor_name
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settling import has_heard, have_looked

if TYPE_CHECKING:
    from simulacra.actors.data.trees.definitions import Definition
    from simulacra.actors.node import Node

_PAUSE: Final = 0.01
_SHARE: Final = 0.9
"""Of the call's time, until it is said what was not in step by then."""


class TreeStanding:
    """The verbs ``tree_list``, ``tree_status`` and ``tree_sync``."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._copies = Standings(node)
        self._following = Following(node)

    def all(self, call: Call) -> Iterator[object]:
        """All trees of the network, and where they are; and copies here of what is no tree now."""
        del call
        facts = self._node.knowing.view.find("tree")
        known = {fact.key.subject for fact in facts}
        yield {
            "trees": [listed(self._node, fact) for fact in facts],
            "left_over": [
                {"name": each.name, "path": each.root}
                for each in definitions_here(self._node)
                if each.id not in known
            ],
        }

    def status(self, call: Call) -> Iterator[object]:
        """How far each copy of a tree is."""
        fact = tree_fact(self._node, call.arg("name", str))
        yield {**listed(self._node, fact), "copies": self._copies_of(fact)}

    def sync(self, call: Call) -> Iterator[object]:
        """Look at all of it now, and wait until every copy in reach is as this one is.

        Asked for progress it says how far this is before it answers, now and then.
        """
        definition = own_definition(self._node, call.arg("name", str))
        fact = tree_fact(self._node, definition.name)
        due = time.monotonic() + _SHARE * (call.timeout or float("inf"))
        before = looks_begun(self._copies.of(definition.id, self._here))
        if call.arg("anyway", bool, False):
            self._node.system.ref(actor_name(definition.id)).tell(Order.ANYWAY)
        self._node.system.ref(actor_name(definition.id)).tell(Order.RESCAN)
        began = time.monotonic()
        progress = self._following.progress(Followed(definition, fact.value["host"]))
        is_shown, told = call.arg("progress", bool, False), False
        while True:
            call.check()
            _refuse_paused(own_definition(self._node, definition.name), self._here)
            _refuse_halted(
                definition.name,
                self._copies.of(definition.id, self._here),
                time.monotonic() - began,
            )
            copies = self._copies_of(fact)
            mine = next(each for each in copies if each["host"] == self._here)
            if mine["scans"] > before and all(_is_in_step(each, mine) for each in copies):
                if told:
                    yield progress.item("ready", "")
                yield {"name": definition.name, "copies": copies}
                return
            if is_shown and progress.is_due():
                yield progress.item("wait", _behind(copies, mine))
                told = True
            now = time.monotonic()
            if now > due:
                raise _late(definition.name, copies, mine)
            time.sleep(max(_PAUSE, (now - began) / 20))

    @property
    def _here(self) -> str:
        return self._node.settings.name

    def _copies_of(self, fact: Fact) -> list[dict[str, Any]]:
        tree, hosts = fact.key.subject, listed(self._node, fact)["hosts"]
        standings = self._copies.of_all(tree, hosts)
        return [
            {
                "host": host,
                "path": path,
                "main": host == fact.value["host"],
                **standings.get(host, {"state": "out of reach"}),
            }
            for host, path in hosts.items()
        ]


def _refuse_paused(definition: Definition, host: str) -> None:
    """Refuse to wait for a copy that is paused; one just resumed may say for a moment that it is.

    Raises:
        GatewayError: it is paused.
    """
    if definition.paused:
        name = definition.name
        raise GatewayError(
            ErrorCode.FAILED,
            f"{name} is paused on {host}",
            f"go on with it: simulacra tree resume {name}",
        )


def _refuse_halted(name: str, mine: dict[str, Any], waited: float) -> None:
    """Refuse to wait for a copy that has halted.

    Args:
        name: of the tree.
        mine: how its copy is.
        waited: seconds since it was told to look; what it was before that says nothing.

    Raises:
        GatewayError: it has.
    """
    if mine["state"] == "halted" and mine["since"] < waited:
        raise GatewayError(
            ErrorCode.FAILED,
            mine["reason"],
            f"put it right; or, if it is: simulacra tree resume {name} --sure",
        )


def _late(name: str, copies: list[dict[str, Any]], mine: dict[str, Any]) -> GatewayError:
    return GatewayError(
        ErrorCode.TIMED_OUT,
        f"{name} is not in step everywhere yet: {_behind(copies, mine)}",
        f"it goes on by itself; see how far it is: simulacra tree status {name}",
    )


def _behind(copies: list[dict[str, Any]], mine: dict[str, Any]) -> str:
    """How this host's copy is, and those that are not as it is."""
    behind = [each for each in copies if each is mine or not _is_in_step(each, mine)]
    return "; ".join(
        f"{each['host']} is {each['state']} {each.get('reason', '')}".strip() for each in behind
    )


def _is_in_step(copy: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Whether a copy knows all that this host's knows, and is as it should be."""
    if copy["state"] in {"out of reach", "paused", "halted"}:
        return True
    known = {(host, incarnation): n for host, incarnation, n in copy.get("vector", ())}
    return (
        copy["state"] == "idle"
        and not copy["behind"]
        and _are_repositories_in_step(copy, mine)
        and all(known.get((host, incarnation), 0) >= n for host, incarnation, n in mine["vector"])
    )


def _are_repositories_in_step(copy: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Whether each of two hosts has seen to all that is in the other's git repositories."""
    if not have_looked(mine):
        return False
    here = mine["host"]
    return copy["host"] == here or (
        has_heard(copy, here, mine) and has_heard(mine, copy["host"], copy)
    )
