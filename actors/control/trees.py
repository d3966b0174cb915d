"""Having trees and copies of them on this host, having other parts of them, and giving them up."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Epoch, Fact
from simulacra.actors.cluster.store import StoreError
from simulacra.actors.control.following import Followed, Following
from simulacra.actors.control.giving_up import GivingUp
from simulacra.actors.control.new_names import check_free
from simulacra.actors.control.tree_finding import (
    ask_trees,
    check_network,
    definition_here,
    definitions_here,
    listed,
    own_definition,
    tree_fact,
)
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.handing_over import Seat
from simulacra.actors.data.trees.orders import Order
from simulacra.actors.data.trees.tree import actor_name
from simulacra.actors.data.trees.trees import (
    DropTree,
    HaveTree,
    PauseTree,
)
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

MoveMainStores = Callable[[Call, Sequence[Followed], str], tuple[dict[str, str], list[str]]]

_SLOWEST: Final = 1 << 10


class TreeVerbs:
    """The verbs ``tree_add``, ``tree_follow`` and so on.

    Args:
        node: this node.
        move_main_stores: see `DetachVerbs`.
    """

    def __init__(self, node: Node, move_main_stores: MoveMainStores) -> None:
        self._node = node
        self._move_main_stores = move_main_stores
        self._following = Following(node)
        self._giving_up = GivingUp(node)

    def add(self, call: Call) -> Iterator[object]:
        """Make a folder of this host a tree, with its main store here."""
        name, root = call.arg("name", str), _absolute(call.arg("path", str))
        if not root.is_dir():
            is_there = os.path.lexists(root)
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"{root} is no folder"
                if is_there
                else f"there is no folder {root} on {self._here}",
                "choose a folder" if is_there else f"make it first: mkdir -p {root}",
            )
        check_network(self._node)
        self._check_root(root)
        check_free(self._node, name, "tree")
        tree = secrets.token_hex(8)
        definition = Definition(tree, name, str(root), origin=True)
        self._have(_keeping(definition, call))
        seat = Seat(Epoch(1, self._here), self._here, time.time(), "it was made a tree there")
        self._say(
            lambda: self._node.knowing.view.say(
                "tree", tree, name, seat.to_plain(), epoch=seat.epoch
            )
        )
        yield {"name": name, "id": tree, "host": self._here, "path": str(root)}

    def follow(self, call: Call) -> Iterator[object]:
        """Have a copy of a tree on this host."""
        fact = tree_fact(self._node, call.arg("name", str))
        root = _absolute(call.arg("path", str))
        if definition_here(self._node, fact.key.subject) is not None:
            raise GatewayError(
                ErrorCode.USAGE,
                f"{self._here} has {fact.key.name} already",
                f"see how it is: simulacra tree status {fact.key.name}",
            )
        self._check_root(root)
        definition = Definition(
            fact.key.subject,
            fact.key.name,
            str(root),
            **_chosen(call),
        )
        _check_choice(definition)
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GatewayError(
                ErrorCode.USAGE,
                f"no folder can be made at {root}: {error.strerror}",
                f"choose another: simulacra tree follow {fact.key.name} PATH",
            ) from error
        self._have(_keeping(definition, call))
        yield {"name": fact.key.name, "host": self._here, "path": str(root)}

    def choose(self, call: Call) -> Iterator[object]:
        """Have another part of a tree here, or all of it."""
        definition = replace(own_definition(self._node, call.arg("name", str)), **_chosen(call))
        _check_choice(definition)
        fact = tree_fact(self._node, definition.name)
        if not definition.is_complete and self._here in _main_stores(fact):
            raise GatewayError(
                ErrorCode.USAGE,
                f"{self._here} has the main store of {definition.name}, which has all of it",
                f"move it first: simulacra focus {definition.name} HOST",
            )
        self._have(definition)
        yield {"name": definition.name, "complete": definition.is_complete}

    def limit(self, call: Call) -> Iterator[object]:
        """Fetch no more than so many bytes a second for a tree here."""
        rate = call.arg("rate", int, None)
        if rate is not None and rate < _SLOWEST:
            raise GatewayError(
                ErrorCode.USAGE,
                f"{rate} bytes a second is too slow to follow anything",
                f"say {_SLOWEST} at least, or: simulacra tree pause {call.arg('name', str)}",
            )
        definition = replace(own_definition(self._node, call.arg("name", str)), rate=rate)
        self._have(definition)
        yield {"name": definition.name, "rate": rate}

    def unfollow(self, call: Call) -> Iterator[object]:
        """Have no copy of a tree here any more; its files stay."""
        name = call.arg("name", str)
        definition = self._left_over(name) or own_definition(self._node, name)
        facts = self._node.knowing.view.find("tree", subject=definition.id)
        if any(self._here in _main_stores(fact) for fact in facts):
            raise GatewayError(
                ErrorCode.USAGE,
                f"{self._here} has the main store of {definition.name}",
                f"move it first: simulacra focus {definition.name} HOST; or have no such tree any "
                f"more: simulacra tree remove {definition.name}",
            )
        for fact in facts if not call.arg("force", bool, False) else ():
            again = f"simulacra tree unfollow {definition.name} --force"
            self._giving_up.check(call, fact, [self._here], again)
        self._drop(definition.id)
        yield {"name": definition.name, "path": definition.root}

    def remove(self, call: Call) -> Iterator[object]:
        """Have no such tree in the network any more; the files stay where they are."""
        fact = tree_fact(self._node, call.arg("name", str))
        tree, name = fact.key.subject, fact.key.name
        hosts = list(listed(self._node, fact)["hosts"])
        if len(hosts) > 1 and not call.arg("force", bool, False):
            self._giving_up.check(call, fact, hosts, f"simulacra tree remove {name} --force")
        self._say(
            lambda: self._node.knowing.view.delete(
                "tree", tree, name, epoch=Epoch(fact.epoch.counter + 1, self._here)
            )
        )
        if definition_here(self._node, tree) is not None:
            self._drop(tree)
        yield {"name": name}

    def leave(self, call: Call) -> Iterator[object]:
        """Hand over what this host, which leaves the network, is main store of.

        It is refused while it has what no other host has, or is to have.
        """
        here = {each.id for each in definitions_here(self._node)}
        mine = [fact for fact in self._node.knowing.view.find("tree") if fact.key.subject in here]
        shared = [fact for fact in mine if len(listed(self._node, fact)["hosts"]) > 1]
        for fact in shared:
            self._giving_up.check(call, fact, [self._here], "simulacra leave --force")
        ids = {fact.key.subject for fact in shared}
        followed = [each for each in self._following.chosen(None) if each.definition.id in ids]
        moved, kept = self._move_main_stores(call, followed, f"{self._here} leaves")
        if kept:
            raise GatewayError(
                ErrorCode.FAILED,
                f"{'; '.join(kept)}; with this host the others would lose the tree",
                "or go on without: simulacra leave --force",
            )
        yield {"trees": [fact.key.name for fact in shared], "main_stores": moved}

    def pause(self, call: Call) -> Iterator[object]:
        """Leave this host's copy as it is for now, or go on with it."""
        definition, paused = (
            own_definition(self._node, call.arg("name", str)),
            call.arg("paused", bool),
        )
        ask_trees(self._node, PauseTree(definition.id, paused))
        if call.arg("sure", bool, False):
            self._node.system.ref(actor_name(definition.id)).tell(Order.SURE)
        yield {"name": definition.name, "paused": paused}

    # -- parts

    @property
    def _here(self) -> str:
        return self._node.settings.name

    def _check_root(self, root: Path) -> None:
        for each in definitions_here(self._node):
            if _overlap(root, Path(each.root)):
                raise GatewayError(
                    ErrorCode.USAGE,
                    f"{root} is, or is in, or has in it, the tree {each.name} at {each.root}",
                    f"choose another folder; or have no copy of that: simulacra tree unfollow "
                    f"{each.name}",
                )
        paths = self._node.settings.paths
        for own in (paths.config, paths.state, paths.runtime):
            if _overlap(root, own):
                raise GatewayError(
                    ErrorCode.USAGE,
                    f"{root} has in it, or is in, {own}: what this node keeps for itself there, "
                    "its keys too, is nothing for other hosts",
                    "choose another folder, as one below it",
                )

    def _left_over(self, name: str) -> Definition | None:
        """This host's copy of a tree that was removed elsewhere."""
        known = {fact.key.subject for fact in self._node.knowing.view.find("tree")}
        found = (each for each in definitions_here(self._node) if each.name == name)
        return next((each for each in found if each.id not in known), None)

    def _have(self, definition: Definition) -> None:
        ask_trees(self._node, HaveTree(definition))
        self._node.knowing.publish()

    def _drop(self, tree: str) -> None:
        ask_trees(self._node, DropTree(tree))
        self._node.knowing.publish()

    def _say(self, say: Any) -> None:
        try:
            say()
        except (FactError, StoreError) as error:
            raise GatewayError(ErrorCode.FAILED, str(error), "then try again") from error


def _keeping(definition: Definition, call: Call) -> Definition:
    """A definition with what was said of the versions that it keeps."""
    return replace(
        definition,
        keep_bytes=call.arg("keep_bytes", int, definition.keep_bytes),
        keep_seconds=call.arg("keep_seconds", float, definition.keep_seconds),
    )


def _check_choice(definition: Definition) -> None:
    try:
        definition.choice()
        definition.hoard()
    except ValueError as error:
        raise GatewayError(ErrorCode.USAGE, str(error), "then try again") from error


def _main_stores(fact: Fact) -> tuple[str, str]:
    """The main store of a tree, and to whom it is handed."""
    return fact.value["host"], fact.value.get("handed", "")


def _chosen(call: Call) -> dict[str, Any]:
    """What of a tree is to be here, by a call's arguments."""
    return {
        "include": tuple(call.arg("include", list, [])),
        "exclude": tuple(call.arg("exclude", list, [])),
        "largest": call.arg("largest", int, None),
        "room": call.arg("room", int, None),
        "recent": call.arg("recent", float, None),
    }


def _overlap(one: Path, other: Path) -> bool:
    """Whether two folders are the same, or one is in the other."""
    real, others = Path(os.path.realpath(one)), Path(os.path.realpath(other))
    return real.is_relative_to(others) or others.is_relative_to(real)


def _absolute(path: str) -> Path:
    return Path(os.path.normpath(Path(path).expanduser()))
