"""The trees of this host, on their way to being as they are elsewhere, before and after a split."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.desk import RefusedError
from simulacra.actors.cluster.focus import FOCUS, Describe
from simulacra.actors.cluster.focus_client import UnansweredError
from simulacra.actors.compute.tree_step import looks_begun
from simulacra.actors.control.progress import Progress
from simulacra.actors.control.standings import Standings
from simulacra.actors.control.tree_finding import definitions_here
from simulacra.actors.data.entries import shown
from simulacra.actors.data.trees import outlook
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.orders import Order
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.tree import actor_name, copy_on
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError
from simulacra.actors.settling import Settling, Verdict

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ANSWER: Final = 3.0
_SCANNED_WITHIN: Final = 60.0
_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Followed:
    """A tree that this host has.

    Attributes:
        definition: what of it, and where.
        main: where its main store is.
    """

    definition: Definition
    main: str

    @property
    def name(self) -> str:
        """What it is called."""
        return self.definition.name


class Following:
    """See the module.

    Args:
        node: this node.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._copies = Standings(node)

    def chosen(self, names: Sequence[str] | None, also: Collection[str] = ()) -> list[Followed]:
        """The trees of this host with these names, and others that are needed; None for all."""
        mains = {f.key.subject: f.value["host"] for f in self._node.knowing.view.find("tree")}
        mine = [
            Followed(each, mains[each.id])
            for each in definitions_here(self._node)
            if each.id in mains
        ]
        if names is None:
            return mine
        unknown = sorted({*names} - {each.name for each in mine})
        if unknown:
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"{self._here} has no copy of {', '.join(unknown)}",
                f"have one: simulacra tree follow {unknown[0]} PATH",
            )
        return [each for each in mine if each.name in {*names, *also}]

    def complete_elsewhere(self, tree: Followed) -> list[str]:
        """The hosts in reach that have all of a tree, the best first."""
        copies = self._node.knowing.view.find("copy", name=tree.definition.id)
        complete = {each.key.subject for each in copies if each.value["complete"]}
        able = [
            (standing["state"] != "idle", host)
            for host, standing in self._standings(tree).items()
            if host in complete - {self._here} and standing["state"] not in {"paused", "halted"}
        ]
        return [host for _, host in sorted(able)]

    # -- until they are in step

    def settle(
        self, call: Call, trees: Sequence[Followed]
    ) -> Generator[dict[str, Any], None, list[str]]:
        """Wait until each tree is in step or stuck, and say how it goes; what is stuck, and why.

        When four fifths of the call's time are over, what is still on its way counts as stuck.
        """
        problems: list[str] = []
        due = time.monotonic() + 0.8 * (call.timeout or float("inf"))
        begun = [(tree, self._begin(tree)) for tree in trees]  # all of them are at it at once
        for tree, settling in begun:
            problem = yield from self._settle(call, tree, settling, due)
            if problem:
                problems.append(problem)
        return problems

    def _settle(
        self, call: Call, tree: Followed, settling: Settling, due: float
    ) -> Generator[dict[str, Any], None, str]:
        progress = self.progress(tree)
        while True:
            call.check()
            standings = self._standings(tree)
            verdict, why = settling.judge(standings)
            if verdict is Verdict.READY:
                yield progress.item("ready", "")
                return ""
            if verdict is Verdict.STUCK or time.monotonic() > due:
                if verdict is Verdict.WAIT:
                    why = progress.to_come() or why
                yield progress.item("stuck", why)
                return (
                    why if why.startswith(("the main store", tree.name)) else f"{tree.name}: {why}"
                )
            if progress.is_due():
                yield progress.item("wait", why)
            time.sleep(_PAUSE)

    def progress(self, tree: Followed) -> Progress:
        """Says from now on how far this host's copy of a tree is."""
        return Progress(tree.definition, self._place(tree))

    def _begin(self, tree: Followed) -> Settling:
        scans = looks_begun(self._standings(tree)[self._here])
        self._node.system.ref(actor_name(tree.definition.id)).tell(Order.RESCAN)
        return Settling(tree.name, self._here, tree.main, scans)

    def _standings(self, tree: Followed) -> dict[str, dict[str, Any]]:
        holders = [*self._node.knowing.holders(tree.definition.id), self._here]
        return self._copies.of_all(tree.definition.id, holders)

    # -- what is to come, and what came

    def forecasts(self, call: Call, trees: Sequence[Followed]) -> list[dict[str, Any]]:
        """What will become of each tree when it meets the best copy in reach or in sight."""
        began = [(tree, self._begin(tree)) for tree in trees]
        deadline = time.monotonic() + _SCANNED_WITHIN
        for tree, begun in began:
            while self._copies.of(tree.definition.id, self._here)["scans"] <= begun.scans:
                call.check()
                if time.monotonic() > deadline:
                    break
                time.sleep(_PAUSE)
        return [self._forecast(tree) for tree in trees]

    def _forecast(self, tree: Followed) -> dict[str, Any]:
        told: dict[str, Any] = {"tree": tree.name, "with": None, "problem": ""}
        empty = {"changed": 0, "removed": 0, "size": 0}
        told |= {"up": empty, "down": empty, "clashes": []}
        near = {*self._node.neighbours.inside(), *self._node.neighbours.in_sight()}
        for host in self._node.knowing.holders(tree.definition.id):
            if host not in near:
                continue
            ref = self._node.system.ref(copy_on(tree.definition.id, host))
            remote = RemoteTree(host, ref, self._node.bulk_client)
            try:
                found = outlook.forecast(self._place(tree), remote)
            except MissingError as error:
                told["problem"] = str(error)
                continue
            return {
                **told,
                "with": host,
                "problem": "",
                "up": asdict(found.up),
                "down": asdict(found.down),
                "clashes": _shown(found.clashes),
            }
        return {**told, "problem": told["problem"] or "nobody who has it is in reach"}

    def outcomes(
        self, trees: Sequence[Followed], plans: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """What became of the plans: of what clashed, what is kept beside each other, or merged."""
        clashed = {plan["tree"]: plan for plan in plans}
        found = []
        for tree in trees:
            plan = clashed.get(tree.name)
            if plan is None:
                continue
            try:
                conflicts = _shown(outlook.clashes(self._place(tree)))
            except MissingError as error:
                plan, conflicts = {**plan, "problem": str(error)}, plan["clashes"]
            merged = [each for each in plan["clashes"] if each not in conflicts]
            found.append({**plan, "conflicts": conflicts, "merged": merged})
        return found

    def histories_held(self, trees: Sequence[Followed]) -> list[str]:
        """The git repositories of trees whose history waits for something, and what for."""
        return [
            f"{tree.name}: the history of {path} waits: {why}"
            for tree in trees
            for path, why in self._copies.of(tree.definition.id, self._here)
            .get("repositories", {})
            .get("held", {})
            .items()
        ]

    def _place(self, tree: Followed) -> Place:
        state = self._node.settings.paths.trees(self._here) / tree.definition.id
        return Place(self._here, Path(tree.definition.root), state)

    # -- the network's focus

    def has_one_master(self) -> bool:
        """Whether all hosts in reach know one master, of one epoch."""
        hosts = [self._here, *self._node.neighbours.inside()]
        asked = [
            self._node.system.ref(f"{FOCUS}@{host}").ask(Describe(), block=False) for host in hosts
        ]
        try:
            epochs = [each.get(timeout=_ANSWER)["epoch"] for each in asked]
        except (ActorDeadError, AskTimeoutError):
            return False
        return all(each == epochs[0] for each in epochs)

    def give_back_focus(self, master: str) -> None:
        """A host that is master only since it was by itself lets who was master be so again."""
        if self._node.cluster.focus.acting is None or master not in self._node.neighbours.inside():
            return
        body = {"host": master, "why": f"{self._here} has rejoined"}
        try:
            self._node.cluster.client.request("focus", body, secrets.token_hex(16))
        except (RefusedError, UnansweredError, ActorDeadError, AskTimeoutError) as error:
            self._node.events.add("focus.kept", self._here, f"{self._here} stays master: {error}")

    def splits(self, since: float) -> list[dict[str, Any]]:
        """What was merged of the master's records since a time."""
        host = self._node.cluster.focus.epoch.host or self._here
        try:
            described = self._node.system.ref(f"{FOCUS}@{host}").ask(Describe(), timeout=_ANSWER)
        except (ActorDeadError, AskTimeoutError):
            return []
        return [each for each in described["splits"] if each["at"] >= since]

    @property
    def _here(self) -> str:
        return self._node.settings.name


def _shown(paths: Iterable[bytes]) -> list[str]:
    return [shown(path) for path in paths]
