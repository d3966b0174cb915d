"""Whether a copy of a tree has come as far as it can: pure, from how the copies stand.

================================================  ================================================
how it is                                         verdict
================================================  ================================================
this copy, or the one that counts, is paused,     stuck: somebody has to do something
or halted
the main store is elsewhere and not in reach      stuck: what is only there cannot come
something could not be brought for long           stuck: with the first of the reasons
not looked at since; at work; has not heard all   wait
that the main store knew when it was looked at,
or not all of the git repositories there
the main store, or where that is here any         wait
follower that can, has not all of this copy's,
or not all of the git repositories here
everything else                                   ready
================================================  ================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Standing = Mapping[str, Any]
"""How a copy is, as `standing.Standing.to_plain` says it."""

LEFT_FOR: Final = 10.0
HELD: Final = frozenset({"paused", "halted"})
"""States in which a copy does nothing until somebody has it go on."""
_UNABLE: Final = HELD | {"waiting", "unknown"}


class Verdict(StrEnum):
    """How far a copy is."""

    READY = "ready"
    WAIT = "wait"
    STUCK = "stuck"


@dataclass(slots=True)
class Settling:
    """One tree on its way.

    Attributes:
        name: the tree's.
        here: this host.
        main: where its main store is.
        scans: how often this copy had been looked at when it began.
        goals: what each copy knew when this one was first looked at again.
    """

    name: str
    here: str
    main: str
    scans: int
    goals: dict[str, dict[tuple[str, int], int]] = field(default_factory=dict)

    def judge(self, standings: Mapping[str, Standing]) -> tuple[Verdict, str]:
        """How far this host's copy is, and why.

        Args:
            standings: of the copies in reach by their hosts; this host's is among them.
        """
        mine = standings[self.here]
        if mine["state"] in HELD:
            return Verdict.STUCK, self._held(self.here, mine)
        if self.main not in standings:
            return Verdict.STUCK, (
                f"the main store of {self.name}, {self.main}, is not in reach: what is only there "
                "is missing here"
            )
        if mine.get("scans", 0) <= self.scans:
            return Verdict.WAIT, mine.get("reason") or "all of it is being looked at"
        if not self.goals:
            self.goals = {host: _vector(each) for host, each in standings.items()}
        return self._compare(mine, standings)

    def _compare(self, mine: Standing, standings: Mapping[str, Standing]) -> tuple[Verdict, str]:
        if mine["state"] != "idle" or mine["behind"]:
            return Verdict.WAIT, mine["reason"] or str(mine["state"])
        if not _covers(mine, self.goals.get(self.main, {})):
            return Verdict.WAIT, f"{self.main} is still to be heard"
        if mine["left"]:
            path, why = next(iter(mine["left"].items()))
            count = len(mine["left"]) + mine.get("left_more", 0)
            text = f"{count} paths could not be brought, first {path}: {why}"
            return Verdict.STUCK if mine["since"] > LEFT_FOR else Verdict.WAIT, text
        if not have_looked(mine):
            return Verdict.WAIT, "its git repositories are being looked at"
        if self.main != self.here and not has_heard(mine, self.main, standings[self.main]):
            return Verdict.WAIT, f"{self.main} has git repositories that are still to be heard"
        for host in sorted(standings.keys() - {self.here}):
            verdict = self._other(host, standings[host], mine)
            if verdict is not None:
                return verdict
        return Verdict.READY, ""

    def _other(self, host: str, other: Standing, mine: Standing) -> tuple[Verdict, str] | None:
        """Why another copy keeps this one from being ready; None if it does not."""
        if host != self.main and (self.main != self.here or other["state"] in _UNABLE):
            return None
        if other["state"] in HELD:
            return Verdict.STUCK, self._held(host, other)
        if other["state"] == "idle" and _covers(other, self.goals[self.here]):
            if has_heard(other, self.here, mine):
                return None
            return Verdict.WAIT, f"{host} has not all of this host's git repositories yet"
        return Verdict.WAIT, other.get("reason") or f"{host} has not all of this host's edits yet"

    def _held(self, host: str, standing: Standing) -> str:
        reason = standing["reason"] or "go on: simulacra tree resume " + self.name
        return f"{self.name} is {standing['state']} on {host}: {reason}"


def have_looked(mine: Standing) -> bool:
    """Whether the git repositories in a copy were looked at since it was."""
    return "repositories" not in mine or mine["repositories"]["scans"] >= mine["scans"]


def has_heard(standing: Standing, host: str, other: Standing) -> bool:
    """Whether a copy has seen to all that is in the git repositories of another host's copy."""
    if "repositories" not in standing or "repositories" not in other:
        return True
    heard: Mapping[str, str] = standing["repositories"]["heard"]
    digest: str = other["repositories"]["digest"]
    return bool(digest) and heard.get(host) == digest


def _vector(standing: Standing) -> dict[tuple[str, int], int]:
    return {(host, incarnation): n for host, incarnation, n in standing.get("vector", ())}


def _covers(standing: Standing, goal: Mapping[tuple[str, int], int]) -> bool:
    known = _vector(standing)
    return all(known.get(replica, 0) >= n for replica, n in goal.items())
