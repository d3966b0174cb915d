"""Trees: which there are, on which hosts, and how far each copy is."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Epoch, Fact
from simulacra.actors.cluster.store import StoreError
from simulacra.actors.compute.tree_step import looks_begun
from simulacra.actors.control.giving_up import GivingUp
from simulacra.actors.control.new_names import check_free
from simulacra.actors.control.tree_finding import check_network, tree_fact
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.handing_over import Seat
from simulacra.actors.data.trees.orders import Order
from simulacra.actors.data.trees.tree import ShowTree, actor_name, copy_on
from simulacra.actors.data.trees.trees import (
    TREES,
    DropTree,
    HaveTree,
    ListTrees,
    PauseTree,
)
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError
from simulacra.actors.settling import has_heard, have_looked

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ANSWER: Final = 3.0
_SLOWEST: Final = 1 << 10
_PAUSE: Final = 0.01


class TreeVerbs:
    """The verbs ``tree_...``."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._giving_up = GivingUp(node)

    # -- having trees

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
        if self._definition(fact.key.subject) is not None:
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
        try:
            definition.choice()
            definition.hoard()
            root.mkdir(parents=True, exist_ok=True)
        except ValueError as error:
            raise GatewayError(ErrorCode.USAGE, str(error), "then try again") from error
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
        definition = replace(self._mine(call.arg("name", str)), **_chosen(call))
        fact = tree_fact(self._node, definition.name)
        if not definition.is_complete and self._here in _main_stores(fact):
            raise GatewayError(
                ErrorCode.USAGE,
                f"{self._here} has the main store of {definition.name}, which has all of it",
                f"move it first: simulacra focus {definition.name} HOST",
            )
        try:
            definition.choice()
            definition.hoard()
        except ValueError as error:
            raise GatewayError(ErrorCode.USAGE, str(error), "then try again") from error
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
        definition = replace(self._mine(call.arg("name", str)), rate=rate)
        self._have(definition)
        yield {"name": definition.name, "rate": rate}

    def unfollow(self, call: Call) -> Iterator[object]:
        """Have no copy of a tree here any more; its files stay."""
        name = call.arg("name", str)
        definition = self._left_over(name) or self._mine(name)
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
        hosts = list(self._listed(fact)["hosts"])
        if len(hosts) > 1 and not call.arg("force", bool, False):
            self._giving_up.check(call, fact, hosts, f"simulacra tree remove {name} --force")
        self._say(
            lambda: self._node.knowing.view.delete(
                "tree", tree, name, epoch=Epoch(fact.epoch.counter + 1, self._here)
            )
        )
        if self._definition(tree) is not None:
            self._drop(tree)
        yield {"name": name}

    def leave(self, call: Call) -> Iterator[object]:
        """Refuse while this host, which leaves the network, has what no other host has."""
        here = {each.id for each in self._definitions()}
        mine = [fact for fact in self._facts() if fact.key.subject in here]
        shared = [fact for fact in mine if len(self._listed(fact)["hosts"]) > 1]
        for fact in shared:
            self._giving_up.check(call, fact, [self._here], "simulacra leave --force")
        yield {"trees": [fact.key.name for fact in shared]}

    def pause(self, call: Call) -> Iterator[object]:
        """Leave this host's copy as it is for now, or go on with it."""
        definition, paused = self._mine(call.arg("name", str)), call.arg("paused", bool)
        self._ask(PauseTree(definition.id, paused))
        if call.arg("sure", bool, False):
            self._node.system.ref(actor_name(definition.id)).tell(Order.SURE)
        yield {"name": definition.name, "paused": paused}

    # -- showing them

    def all(self, call: Call) -> Iterator[object]:
        """All trees of the network, and where they are."""
        del call
        yield {"trees": [self._listed(fact) for fact in self._facts()]}

    def status(self, call: Call) -> Iterator[object]:
        """How far each copy of a tree is."""
        fact = tree_fact(self._node, call.arg("name", str))
        yield {**self._listed(fact), "copies": self._copies(fact)}

    def sync(self, call: Call) -> Iterator[object]:
        """Look at all of it now, and wait until every copy in reach is as this one is."""
        definition = self._mine(call.arg("name", str))
        fact = tree_fact(self._node, definition.name)
        before = looks_begun(self._standing(definition.id, self._here))
        if call.arg("anyway", bool, False):
            self._node.system.ref(actor_name(definition.id)).tell(Order.ANYWAY)
        self._node.system.ref(actor_name(definition.id)).tell(Order.RESCAN)
        began = time.monotonic()
        while True:
            call.check()
            copies = self._copies(fact)
            mine = next(each for each in copies if each["host"] == self._here)
            if mine["scans"] > before and all(_is_in_step(each, mine) for each in copies):
                yield {"name": definition.name, "copies": copies}
                return
            if mine["state"] == "halted":
                raise GatewayError(
                    ErrorCode.FAILED,
                    mine["reason"],
                    f"put it right; or, if it is: simulacra tree resume {definition.name} --sure",
                )
            time.sleep(max(_PAUSE, (time.monotonic() - began) / 20))

    # -- parts

    @property
    def _here(self) -> str:
        return self._node.settings.name

    def _check_root(self, root: Path) -> None:
        real = Path(os.path.realpath(root))
        for each in self._definitions():
            other = Path(os.path.realpath(each.root))
            if real == other or real in other.parents or other in real.parents:
                raise GatewayError(
                    ErrorCode.USAGE,
                    f"{root} is, or is in, or has in it, the tree {each.name} at {each.root}",
                    f"choose another folder; or have no copy of that: simulacra tree unfollow "
                    f"{each.name}",
                )

    def _facts(self) -> list[Fact]:
        return self._node.knowing.view.find("tree")

    def _definitions(self) -> list[Definition]:
        found: list[Definition] = self._ask(ListTrees())
        return found

    def _definition(self, tree: str) -> Definition | None:
        return next((each for each in self._definitions() if each.id == tree), None)

    def _mine(self, name: str) -> Definition:
        fact = tree_fact(self._node, name)
        definition = self._definition(fact.key.subject)
        if definition is None:
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"{self._here} has no copy of {name}",
                f"have one: simulacra tree follow {name} PATH",
            )
        return definition

    def _left_over(self, name: str) -> Definition | None:
        """This host's copy of a tree that was removed elsewhere."""
        known = {fact.key.subject for fact in self._facts()}
        found = (each for each in self._definitions() if each.name == name)
        return next((each for each in found if each.id not in known), None)

    def _have(self, definition: Definition) -> None:
        self._ask(HaveTree(definition))
        self._node.knowing.publish()

    def _drop(self, tree: str) -> None:
        self._ask(DropTree(tree))
        self._node.knowing.publish()

    def _listed(self, fact: Fact) -> dict[str, Any]:
        tree = fact.key.subject
        copies = self._node.knowing.view.find("copy", name=tree)
        return {
            "name": fact.key.name,
            "id": tree,
            "main": fact.value["host"],
            "epoch": fact.epoch.counter,
            "hosts": {each.key.subject: each.value["path"] for each in copies},
        }

    def _copies(self, fact: Fact) -> list[dict[str, Any]]:
        tree = fact.key.subject
        connected = {self._here, *self._node.neighbours.inside()}
        copies = []
        for host, path in self._listed(fact)["hosts"].items():
            copy = {"host": host, "path": path, "main": host == fact.value["host"]}
            if host in connected:
                copies.append({**copy, **self._standing(tree, host)})
            else:
                copies.append({**copy, "state": "out of reach"})
        return copies

    def _standing(self, tree: str, host: str) -> dict[str, Any]:
        try:
            ref = self._node.system.ref(copy_on(tree, host))
            standing: dict[str, Any] = ref.ask(ShowTree(), timeout=_ANSWER)
        except (ActorDeadError, AskTimeoutError) as error:
            return {"state": "unknown", "reason": str(error), "scans": 0}
        return standing

    def _ask(self, message: object) -> Any:
        try:
            return self._node.system.ref(TREES).ask(message, timeout=30.0)
        except (ActorDeadError, AskTimeoutError) as error:
            raise GatewayError(
                ErrorCode.FAILED,
                f"the trees of this host do not answer: {error}",
                "its log says more",
            ) from error

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


def _are_repositories_in_step(copy: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Whether each of two hosts has seen to all that is in the other's git repositories."""
    if not have_looked(mine):
        return False
    here = mine["host"]
    return copy["host"] == here or (
        has_heard(copy, here, mine) and has_heard(mine, copy["host"], copy)
    )


def _absolute(path: str) -> Path:
    return Path(os.path.normpath(Path(path).expanduser()))
