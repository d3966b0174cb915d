"""What a host does before it sleeps: its computations and the main stores of its trees leave it.

Each computation goes to the host where it costs least, of those in reach. What cannot leave, or is
to stay by its user's word, keeps the host awake unless that is forced; it goes on from its last
checkpoint when the host is back. Replicas of services stay: their master starts others.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors import tracing
from simulacra.actors.compute.computations import ListThem, is_living
from simulacra.actors.compute.computing import Described, Migrate
from simulacra.actors.compute.placement import Needs, Network, explain
from simulacra.actors.compute.service_runner import SERVICES, WhatRuns
from simulacra.actors.control.detaching import DetachVerbs
from simulacra.actors.control.explaining import needs_of
from simulacra.actors.control.finding import table
from simulacra.actors.control.following import Following
from simulacra.actors.control.tree_focusing import TreeFocusing
from simulacra.actors.gateway.call import Call
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_SHARE: Final = 0.8
"""How much of its time a host gives its work; the rest is for good night."""


@dataclass
class Left:
    """What came of it.

    Attributes:
        moved: where each computation went.
        main_stores: where the main store of each tree went.
        stays: what is still here, and why, in words.
        notes: what whoever asked should know, and keeps nothing awake.
    """

    moved: dict[str, str] = field(default_factory=dict)
    main_stores: dict[str, str] = field(default_factory=dict)
    stays: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def refuge(needs: Needs, network: Network, awake: Collection[str]) -> tuple[str | None, str]:
    """Where a computation that has to leave goes; or None, and why.

    Args:
        needs: what it has to do, and where it is.
        network: the hosts and the routes.
        awake: who may take it.
    """
    others = [
        each for each in explain(needs, network) if each.host in awake and each.host != needs.at
    ]
    for each in others:
        if each.refused is None:
            return each.host, ""
    if not others:
        return None, "no other host is in reach"
    return None, "; ".join(sorted(f"{each.host}: {each.refused}" for each in others))


class Leaving:
    """See the module.

    Args:
        node: this host's; it takes nothing in meanwhile.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def leave(self, within: float) -> Left:
        """Have all leave, which may take so many seconds."""
        left, due = Left(), time.monotonic() + _SHARE * within
        self._computations(left, due)
        if self._node.enrolment.charter is not None:
            self._trees(left, due - time.monotonic())
        return left

    # -- computations

    def _computations(self, left: Left, due: float) -> None:
        computations = table(self._node, self._here)
        network, awake = self._node.hosts.network(), set(self._node.neighbours.inside())
        under_way = []
        for each in self._living():
            needs = replace(needs_of(each, network), on=each.on)
            host, why = refuge(needs, network, awake)
            if host is None:
                left.stays.append(f"{each.name}: {why}")
                continue
            moving = computations.ask(Migrate(each.party, host), block=False, timeout=None)
            under_way.append((each.name, host, moving))
        for name, host, moving in under_way:
            try:
                moving.get(timeout=max(0.0, due - time.monotonic()))
            except AskTimeoutError:
                left.stays.append(f"{name}: it has reached no safe point to leave from in time")
            except Exception as error:  # noqa: BLE001 - whatever keeps it is told
                left.stays.append(f"{name}: {error}")
            else:
                left.moved[name] = host

    def _living(self) -> list[Described]:
        listed = table(self._node, self._here).ask(ListThem())
        replicas = self._replicas()
        return [
            each
            for each, _ in listed
            if is_living(each) and each.host == self._here and each.party not in replicas
        ]

    def _replicas(self) -> set[str]:
        try:
            runs = self._node.system.ref(SERVICES).ask(WhatRuns())
        except (ActorDeadError, AskTimeoutError):
            return set()
        return {each.party for each in runs}

    # -- trees

    def _trees(self, left: Left, within: float) -> None:
        call = Call(tracing.current(), "sleep", {}, lambda _: None, max(1.0, within))
        following = Following(self._node)
        trees = following.chosen(None)
        left.stays += _last(following.settle(call, trees))
        verbs = DetachVerbs(self._node, TreeFocusing(self._node).focus)
        moved, kept = verbs.move_main_stores(call, trees, f"{self._here} sleeps")
        left.main_stores |= moved
        left.notes += kept

    @property
    def _here(self) -> str:
        return self._node.settings.name


def _last(steps: Any) -> list[str]:
    """What a generator returns, its steps passed over."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return list(end.value)
