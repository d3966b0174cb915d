"""``detach`` and ``rejoin``: being prepared for a split, and bringing together what it parted."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.compute.computations import COMPUTATIONS, ListThem, is_living
from simulacra.actors.compute.sealed import TornFileError
from simulacra.actors.compute.spec import SpecError
from simulacra.actors.control.following import Followed, Following
from simulacra.actors.detaching import Away
from simulacra.actors.gateway.call import Call, Handler
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.pinning import Lies, Need

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_IN_SIGHT: Final = 10.0
_ALL_IN_SIGHT: Final = 3.0
_TOGETHER: Final = 20.0
_PAUSE: Final = 0.05


class DetachVerbs:
    """The verbs ``detach`` and ``rejoin``.

    Args:
        node: the node.
        tree_focus: the verb that moves a tree's main store.
    """

    def __init__(self, node: Node, tree_focus: Handler) -> None:
        self._node = node
        self._tree_focus = tree_focus
        self._following = Following(node)

    # -- going

    def detach(self, call: Call) -> Iterator[object]:
        """Take the trees along, and part from the network; the last item says how it ended."""
        self._check_network()
        lasts, anyway = call.arg("lasts", float, None), call.arg("anyway", bool, False)
        with self._changing():
            away = self._node.detaching.away
            if away is not None and away.phase == "apart":
                yield {"detached": True, "already": True, "missing": [], **_said(away)}
                return
            needs = self._needs()
            trees = self._following.chosen(call.arg("trees", list, None), _pinned(needs))
            problems = yield from self._following.settle(call, trees)
            unmet = [each for each in needs if each.problem]
            problems += [each.problem for each in unmet if each.lies is not Lies.NOWHERE]
            problems += _not_here(needs)
            notes = [each.problem for each in unmet if each.lies is Lies.NOWHERE]
            notes += self._following.histories_held(trees)
            if problems and not anyway:
                yield {"detached": False, "already": False, "missing": problems, "notes": notes}
                return
            moved, kept = self.move_main_stores(call, trees, f"{self._here} detaches")
            heard = self._leave(lasts)
            left = self._node.detaching.away
            yield {
                "detached": True,
                "already": False,
                "missing": problems,
                "notes": notes + kept,
                "trees": [each.name for each in trees],
                "main_stores": moved,
                "heard": heard,
                **({} if left is None else _said(left)),
            }

    def _leave(self, lasts: float | None) -> list[str]:
        try:
            return self._node.detaching.leave(None if lasts is None else time.time() + lasts)
        except OSError as error:
            raise GatewayError(
                ErrorCode.FAILED,
                f"it cannot be kept that {self._here} is detached: {error}; it is not",
                "make room on the disk, then: simulacra detach",
            ) from error

    def _needs(self) -> list[Need]:
        """What the living computations of this host read, as they say and as was seen."""
        listed = self._node.system.ref(COMPUTATIONS).ask(ListThem())
        reads: list[tuple[str, str]] = []
        for each, _ in listed:
            if not is_living(each) or each.host != self._here:
                continue
            seen = [path for path, _, _ in (*each.reads, *each.to_come)]
            reads += [(each.name, path) for path in (*seen, *self._said(each.party))]
        return self._node.detaching.needs(reads)

    def _said(self, party: str) -> tuple[str, ...]:
        """What a computation's arguments say that it reads; one may end at this moment."""
        try:
            return self._node.store.of(party).read_spec().reads
        except (OSError, TornFileError, SpecError) as error:
            logger.info("what %s reads is not known: %s", party, error)
            return ()

    def move_main_stores(
        self, call: Call, trees: Sequence[Followed], why: str
    ) -> tuple[dict[str, str], list[str]]:
        """Move the main stores that are here to complete copies in reach; which stay, and why.

        Args:
            call: who asks.
            trees: which.
            why: what the records of their focus are to say.
        """
        moved: dict[str, str] = {}
        kept: list[str] = []
        for each in trees:
            if each.main != self._here:
                continue
            others = self._following.complete_elsewhere(each)
            if not others:
                kept.append(
                    f"the main store of {each.name} stays here: nobody in reach has a complete "
                    f"copy; have one before the next time: simulacra tree follow {each.name} PATH"
                )
                continue
            try:
                moved[each.name] = self._move(call, each.name, others[0], why)
            except GatewayError as error:
                kept.append(f"the main store of {each.name} stays here: {error.message}")
        return moved, kept

    def _move(self, call: Call, tree: str, host: str, why: str) -> str:
        args = {"name": tree, "host": host, "why": why}
        asked = Call(call.trace, "tree_focus", args, lambda _: None)
        asked.cancelled = call.cancelled
        for _ in self._tree_focus(asked):
            call.check()
        return host

    # -- coming back

    def rejoin(self, call: Call) -> Iterator[object]:
        """Say what both sides did, and bring it together; the last item says how it ended."""
        self._check_network()
        dry = call.arg("dry_run", bool, False)
        with self._changing():
            away = self._node.detaching.away
            self._await_sight(call)
            trees = self._following.chosen(None)
            goes_on = away is not None and away.phase == "rejoining"
            since = away.since if away is not None else self._cut_since()
            if away is not None and goes_on:
                plan = away.plan
            else:
                near = self._node.neighbours
                plan = {
                    "since": since,
                    "hosts": sorted({*near.inside(), *near.in_sight()}),
                    "trees": self._following.forecasts(call, trees),
                    "finished": self._node.detaching.finished(since),
                }
            yield {"plan": plan, "goes_on": goes_on}
            if not dry:
                yield from self._come_back(call, away, trees, plan)

    def _come_back(
        self, call: Call, away: Away | None, trees: Sequence[Followed], plan: dict[str, Any]
    ) -> Iterator[object]:
        if away is not None and away.phase == "apart":
            try:
                self._node.detaching.come_back(plan)
            except OSError as error:
                raise GatewayError(
                    ErrorCode.FAILED, f"{error}: nothing is changed", "then: simulacra rejoin"
                ) from error
        self._await_together(call, plan["hosts"])
        missing = yield from self._following.settle(call, trees)
        if away is not None and away.master:
            self._following.give_back_focus(away.master)
        if not missing:  # or it goes on where it is now, when it is asked for again
            self._node.detaching.is_back()
        since = plan["since"]
        yield {
            "rejoined": not missing,
            "missing": missing,
            "notes": self._following.histories_held(trees),
            "trees": self._following.outcomes(trees, plan["trees"]),
            "finished": self._node.detaching.finished(since) or plan["finished"],
            "splits": self._following.splits(since),
        }

    def _await_sight(self, call: Call) -> None:
        """Wait until those hosts are in reach or in sight that have the main stores, or any."""
        began = time.monotonic()
        wanted = {each.main for each in self._following.chosen(None)} - {self._here}
        while True:
            call.check()
            seen = {*self._node.neighbours.inside(), *self._node.neighbours.in_sight()}
            waited = time.monotonic() - began
            if seen and (wanted <= seen or waited > _ALL_IN_SIGHT):
                return
            if waited > _IN_SIGHT:
                raise GatewayError(
                    ErrorCode.UNREACHABLE,
                    f"no other host is in reach: {self._here} goes on by itself",
                    "connect it to the others, then: simulacra rejoin",
                )
            time.sleep(_PAUSE)

    def _await_together(self, call: Call, hosts: Sequence[str]) -> None:
        """Wait until those are connected again who were in sight, and one of all is master."""
        deadline = time.monotonic() + _TOGETHER
        while time.monotonic() < deadline:
            call.check()
            there = set(self._node.neighbours.inside())
            if set(hosts) <= there and self._following.has_one_master():
                return
            time.sleep(_PAUSE)

    def _cut_since(self) -> float:
        """When this host was last cut off without a word; now, where that never happened."""
        events, _ = self._node.events.since(0)
        cuts = [each.time for each in events if each.kind == "split.begun"]
        return max(cuts, default=time.time())

    # -- parts

    @property
    def _here(self) -> str:
        return self._node.settings.name

    @contextmanager
    def _changing(self) -> Iterator[None]:
        changing = self._node.detaching.changing
        if not changing.acquire(blocking=False):
            raise GatewayError(
                ErrorCode.FAILED,
                f"{self._here} is being detached or rejoined already",
                "wait for it, or end it with ctrl-C where it was begun",
            )
        try:
            yield
        finally:
            changing.release()

    def _check_network(self) -> None:
        if self._node.enrolment.charter is None:
            raise GatewayError(
                ErrorCode.USAGE,
                f"{self._here} is in no network, so there is nothing to part from",
                "make one: simulacra init; or join one: simulacra up --join TOKEN@HOST",
            )


def _pinned(needs: Sequence[Need]) -> set[str]:
    """The trees that computations need."""
    return {each.tree for each in needs if each.lies is Lies.FOLLOWED}


def _not_here(needs: Sequence[Need]) -> list[str]:
    """What is followed here and is not here all the same."""
    return [
        f"{each.who} reads {each.path}, and {each.local} is not here: simulacra tree status "
        f"{each.tree}"
        for each in needs
        if each.lies is Lies.FOLLOWED and not Path(each.local).exists()
    ]


def _said(away: Away) -> dict[str, Any]:
    return {"since": away.since, "until": away.until}
