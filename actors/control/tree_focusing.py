"""Which host has a tree's main store: showing it, and moving it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.facts import Fact
from simulacra.actors.control.network import refuse_outside
from simulacra.actors.control.tree_finding import tree_fact
from simulacra.actors.data.trees.focus_messages import MoveTree, TakeTree
from simulacra.actors.data.trees.handing_over import PREPARE_WITHIN, Seat
from simulacra.actors.data.trees.tree_focus import TREE_FOCUS
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_PAUSE: Final = 0.005
_NEWS: Final = 10.0
_TAKEN: Final = 10.0


class TreeFocusing:
    """The verbs ``tree_focus`` and ``tree_take_over``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def focus(self, call: Call) -> Iterator[object]:
        """Who has a tree's main store, and why; or move it, answered when it is moved."""
        name, host = call.arg("name", str), call.arg("host", str, "")
        fact = tree_fact(self._node, name)
        if not host:
            yield self._shown(name)
            return
        refuse_outside(self._node)
        began = time.monotonic()
        seat = Seat.of(fact.epoch, fact.value)
        why = call.arg("why", str, "") or "the user said so"
        if seat.host != host or seat.handed:
            self._check_copy(name, fact.key.subject, host)
            message: MoveTree | TakeTree = MoveTree(fact.key.subject, host, why)
            asked = seat.host
            if call.arg("force", bool, False):
                message, asked = TakeTree(fact.key.subject, why), host
            self._ask(call, name, host, asked, message)
            self._await_news(call, name, host)
        yield {**self._shown(name), "took": time.monotonic() - began}

    def take_over(self, call: Call) -> Iterator[object]:
        """Have on others the main stores of a host that is to be expelled.

        What it says of trees goes with it, so with their main store they would be none any more.
        """
        host = call.arg("host", str)
        moved: dict[str, str] = {}
        lost: dict[str, str] = {}
        for fact in self._node.knowing.view.find("tree"):
            if fact.value["host"] != host or not self._others(fact, host):
                continue
            try:
                moved[fact.key.name] = self._take(call, fact, host)
            except GatewayError as error:
                lost[fact.key.name] = error.message
        yield {"moved": moved, "lost": lost}

    def _others(self, fact: Fact, host: str) -> dict[str, bool]:
        """The other hosts that have a tree, this one first, and whether they have all of it."""
        copies = self._node.knowing.view.find("copy", name=fact.key.subject)
        here = self._node.settings.name
        found = {each.key.subject: bool(each.value["complete"]) for each in copies}
        found.pop(host, None)
        return dict(sorted(found.items(), key=lambda each: each[0] != here))

    def _take(self, call: Call, fact: Fact, host: str) -> str:
        reach = {self._node.settings.name, *self._node.neighbours.inside()}
        able = [each for each, whole in self._others(fact, host).items() if whole and each in reach]
        if not able:
            raise GatewayError(ErrorCode.FAILED, "no other host in reach has all of it", "")
        why = ""
        for other in able:
            try:
                self._give(call, fact.key.name, other, host, forced=host not in reach)
            except GatewayError as error:
                why = why or error.message
            else:
                return other
        raise GatewayError(ErrorCode.FAILED, why, "")

    def _give(self, call: Call, name: str, other: str, expelled: str, *, forced: bool) -> None:
        args = {"name": name, "host": other, "why": f"{expelled} is expelled", "force": forced}
        asked = Call(call.trace, "tree_focus", args, lambda _: None, timeout=_TAKEN)
        asked.cancelled = call.cancelled
        for _ in self.focus(asked):
            call.check()

    def _shown(self, name: str) -> dict[str, Any]:
        fact = tree_fact(self._node, name)
        seat = Seat.of(fact.epoch, fact.value)
        return {
            "name": name,
            "host": seat.host,
            "epoch": seat.epoch.counter,
            "since": seat.since,
            "why": seat.why,
            "before": [list(each) for each in seat.before],
            "handed": seat.handed or None,
            "reachable": seat.host in {self._node.settings.name, *self._node.neighbours.inside()},
        }

    def _check_copy(self, name: str, tree: str, host: str) -> None:
        copies = {
            each.key.subject: each for each in self._node.knowing.view.find("copy", name=tree)
        }
        if host not in copies:
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"{host} has no copy of {name}; there are copies on {', '.join(sorted(copies))}",
                f"on {host}, have one: simulacra tree follow {name} PATH",
            )
        if not copies[host].value["complete"]:
            raise GatewayError(
                ErrorCode.USAGE,
                f"{host} has only a part of {name}, and the main store has all of it",
                f"on {host}, have all of it: simulacra tree choose {name} --all",
            )

    def _ask(
        self, call: Call, name: str, host: str, asked: str, message: MoveTree | TakeTree
    ) -> None:
        if asked != self._node.settings.name:
            self._node.neighbours.call(asked)
            if asked not in self._node.neighbours.inside():
                raise self._out_of_reach(name, host, asked)
        deadline = time.monotonic() + (call.timeout or PREPARE_WITHIN)
        reply = self._node.system.ref(f"{TREE_FOCUS}@{asked}").ask(message, block=False)
        try:
            while not reply.is_set():
                call.check()
                if time.monotonic() > deadline:
                    raise GatewayError(
                        ErrorCode.TIMED_OUT,
                        f"{host} is not up to date with {name} yet; it goes on being brought so",
                        f"see who has the main store then: simulacra focus {name}",
                    )
                time.sleep(_PAUSE)
            problem: str = reply.get(timeout=0)
        except (ActorDeadError, AskTimeoutError) as error:
            problem = f"{asked} was lost meanwhile: {error}"
        if problem and self._host_of(name) != host:
            raise GatewayError(
                ErrorCode.FAILED,
                f"the main store of {name} stays where it is: {problem}",
                f"see how its copies are: simulacra tree status {name}",
            )

    def _out_of_reach(self, name: str, host: str, asked: str) -> GatewayError:
        if asked == host:
            return GatewayError(
                ErrorCode.UNREACHABLE,
                f"{host} is not in reach, so it cannot have the main store of {name}",
                "see who is connected: simulacra status",
            )
        return GatewayError(
            ErrorCode.UNREACHABLE,
            f"{asked}, the main store of {name}, is not in reach, and cannot hand it over",
            f"if it is lost: simulacra focus {name} {host} --force; what only {asked} has comes "
            "when it is back, and it is a follower then",
        )

    def _host_of(self, name: str) -> str:
        return str(tree_fact(self._node, name).value["host"])

    def _await_news(self, call: Call, name: str, host: str) -> None:
        """Wait until the new main store has said so, and this host has heard it."""
        deadline = time.monotonic() + _NEWS
        while self._host_of(name) != host:
            call.check()
            if time.monotonic() > deadline:
                raise GatewayError(
                    ErrorCode.TIMED_OUT,
                    f"the main store of {name} was handed to {host}, which has not said yet that "
                    "it has it",
                    f"it is as soon as it is in reach: simulacra focus {name}",
                )
            time.sleep(_PAUSE)
