"""Giving up copies of trees: refused while one has what no other host has.

==================================================  ===============================================
how a copy is                                       verdict
==================================================  ===============================================
out of reach, paused or halted; nobody else has     final: nobody knows what was edited there, or
the tree                                            nobody else can have it
not looked at since this began                      busy: it is waited for
waiting, or silent; has what no other host is       soon: a moment is waited, as what was just
known to have, or git repositories that no other    edited is on its way
host has seen to
everything else                                     it may go
==================================================  ===============================================
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from simulacra.actors.cluster.facts import Fact
from simulacra.actors.control.standings import LOST, Standings
from simulacra.actors.data.entries import shown
from simulacra.actors.data.trees.only_here import AskOnlyHere, OnlyHere
from simulacra.actors.data.trees.tree import LookAtAll, copy_on
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settling import HELD, Standing, has_heard, have_looked

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ANSWER: Final = 3.0
_NAMED_WITHIN: Final = 60.0
_PATIENCE: Final = 5.0
_PAUSE: Final = 0.05
_NEVER: Final = {"scans": 0}


class Wait(Enum):
    """Whether a doubt may pass."""

    BUSY = auto()
    SOON = auto()
    FINAL = auto()


class Doubt(NamedTuple):
    """Why a copy may not be given up.

    Attributes:
        wait: whether that may pass.
        why: in words.
    """

    wait: Wait
    why: str


def doubt(
    tree: str,
    host: str,
    scans: int,
    standings: Mapping[str, Standing],
    only_here: OnlyHere | None,
) -> Doubt | None:
    """Why a copy may not be given up; None if it may.

    Args:
        tree: what the tree is called.
        host: whose copy it is.
        scans: how often it had been looked at when this began.
        standings: of the copies in reach, by their hosts.
        only_here: what that host has alone; None where it does not say, or was not asked.
    """
    mine = standings.get(host)
    if mine is None:
        why = f"{host} has a copy of {tree} and is out of reach: what was edited there is not known"
        return Doubt(Wait.FINAL, why)
    if mine["state"] in HELD:
        reason = mine["reason"] or "what was edited meanwhile is not known"
        return Doubt(Wait.FINAL, f"{tree} is {mine['state']} on {host}: {reason}")
    if mine["state"] in {"waiting", "unknown"}:
        return Doubt(Wait.SOON, f"{tree} on {host}: {mine['reason']}")
    if mine["scans"] <= scans:
        return Doubt(Wait.BUSY, f"{tree} on {host} is still being looked at")
    if only_here is None:
        return Doubt(Wait.SOON, f"{tree} on {host} does not answer")
    if not only_here.others:
        return Doubt(Wait.FINAL, f"no host but {host} has a copy of {tree}")
    if only_here.scans != mine["scans"]:
        # What was being looked at when this began may have been edited before that.
        return Doubt(Wait.BUSY, f"{tree} on {host} is still being looked at")
    if not only_here.is_nothing:
        others = _others(only_here.others, standings)
        return Doubt(Wait.SOON, f"{_counted(only_here)} of {tree} on {host} alone{others}")
    return _doubt_of_repositories(tree, host, standings, only_here.others)


def _doubt_of_repositories(
    tree: str, host: str, standings: Mapping[str, Standing], others: Sequence[str]
) -> Doubt | None:
    mine = standings[host]
    repositories = mine.get("repositories", {})
    if not repositories.get("count"):
        return None
    if not have_looked(mine):
        return Doubt(Wait.BUSY, f"the git repositories of {tree} on {host} are being looked at")
    for path, why in repositories["held"].items():
        return Doubt(Wait.SOON, f"{path} of {tree} on {host} cannot be brought: {why}")
    if any(other in standings and has_heard(standings[other], host, mine) for other in others):
        return None
    why = f"no other host has all of the git repositories of {tree} on {host}"
    return Doubt(Wait.SOON, why + _others(others, standings))


def _counted(found: OnlyHere) -> str:
    paths = ", ".join(map(shown, found.paths))
    more = found.count - len(found.paths)
    changes = "1 change is" if found.count == 1 else f"{found.count} changes are"
    return f"{changes} ({paths}{f', and {more} more' if more else ''})"


def _others(others: Sequence[str], standings: Mapping[str, Standing]) -> str:
    """Why the others have not got it, as far as they say."""
    reasons = [f"{host} {why}" for host in others if (why := _why_behind(standings.get(host)))]
    return f": {'; '.join(reasons)}" if reasons else ""


def _why_behind(standing: Standing | None) -> str:
    if standing is None:
        return "is out of reach"
    if standing["state"] != "idle":
        return f"is {standing['state']}{f': {why}' if (why := standing.get('reason')) else ''}"
    return "".join(f"cannot have {path}: {why}" for path, why in [*standing["left"].items()][:1])


class GivingUp:
    """See the module.

    Args:
        node: this node.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._copies = Standings(node)

    def check(self, call: Call, fact: Fact, hosts: Sequence[str], anyway: str) -> None:
        """Wait until these hosts' copies of a tree may be given up.

        Args:
            call: the call; it is heeded whether it was given up.
            fact: the tree.
            hosts: whose copies.
            anyway: the command that goes on without.

        Raises:
            GatewayError: one may not, and says why.
        """
        before = self._copies.of_all(fact.key.subject, hosts)
        for host in before:
            self._node.system.ref(copy_on(fact.key.subject, host)).tell(LookAtAll())
        scans = {host: each["scans"] for host, each in before.items()}
        due = time.monotonic() + _PATIENCE
        while doubts := self._doubts(fact, hosts, scans):
            call.check()
            now, waits = time.monotonic(), {each.wait for each in doubts}
            if Wait.FINAL in waits or now > due:
                break
            due = now + _PATIENCE if Wait.BUSY in waits else due
            time.sleep(_PAUSE)
        # A halted copy was told to look, and is something else for a moment.
        final = [each for each in doubts if each.wait is Wait.FINAL]
        if doubts and (doubts := final or self._doubts(fact, hosts, scans, named=True)):
            self._refuse(doubts, fact.key.name, anyway)

    def _refuse(self, doubts: Sequence[Doubt], name: str, anyway: str) -> None:
        told = [each.why for each in doubts if each.wait is not Wait.BUSY]
        raise GatewayError(
            ErrorCode.FAILED,
            "; ".join(told or [each.why for each in doubts]),
            f"see how its copies are: simulacra tree status {name}; have them in step: simulacra "
            f"tree sync {name}; or leave it where it is, and go on: {anyway}",
        )

    def _doubts(
        self, fact: Fact, hosts: Iterable[str], scans: Mapping[str, int], *, named: bool = False
    ) -> list[Doubt]:
        standings = self._copies.of_all(fact.key.subject, hosts)
        # Who has not looked yet would say what it knew before, and who cannot would try anew.
        looked = [host for host in scans if standings.get(host, _NEVER)["scans"] > scans[host]]
        only_here = {host: self._only_here(fact, host, named=named) for host in looked}
        others = {other for each in only_here.values() if each is not None for other in each.others}
        standings |= self._copies.of_all(fact.key.subject, others - standings.keys())
        found = (
            doubt(fact.key.name, host, scans.get(host, 0), standings, only_here.get(host))
            for host in hosts
        )
        return [each for each in found if each is not None]

    def _only_here(self, fact: Fact, host: str, *, named: bool) -> OnlyHere | None:
        within = _NAMED_WITHIN if named else _ANSWER
        try:
            found: OnlyHere = self._node.system.ref(copy_on(fact.key.subject, host)).ask(
                AskOnlyHere(named), timeout=within
            )
        except LOST:
            return None
        return found
