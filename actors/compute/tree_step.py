"""Whether what one copy of a tree has is on another one: what is looked at while edits are carried.

Pure. A copy says how it is as plain data (`Standing.to_plain`): what it is at, and all that it has
heard of, as a vector of numbers. The *source* has been told to look at its disk; once it has, its
vector stands for every edit that was there before. The *target* has them on its disk when it has
heard of all that, and is idle with nothing left to be brought.

What needs a person, or does not pass within `PATIENCE` seconds, holds the carrying up: that is said
instead of being waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PATIENCE: Final = 5.0
"""Seconds for which something may be left that could not be brought; it is tried again after 2."""

_AT_WORK: Final = {"opening", "scanning", "hearing", "bringing", "idle"}


@dataclass(frozen=True, slots=True)
class Step:
    """How far the carrying is.

    Attributes:
        done: whether the target has all.
        changes: how many the target has not heard of.
        at: what is being done, in words.
        held: what is in the way, in words; None for nothing.
        hint: what to type next, where something is in the way.
    """

    done: bool
    changes: int
    at: str
    held: str | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One copy.

    Attributes:
        host: whose.
        standing: how it is.
    """

    host: str
    standing: Mapping[str, Any]

    @property
    def state(self) -> str:
        """What it is at."""
        return str(self.standing.get("state", "unknown"))

    @property
    def vector(self) -> dict[tuple[str, int], int]:
        """All that it has heard of."""
        return {(host, life): n for host, life, n in self.standing.get("vector", ())}


def scans_seen(source: Side) -> int:
    """After how many looks one more has begun after now; the one under way may be past an edit."""
    return looks_begun(source.standing)


def looks_begun(standing: Mapping[str, Any]) -> int:
    """The same, of a copy's standing; a node of the version before says only how many ended."""
    ended = int(standing.get("scans", 0)) + (standing.get("state") == "scanning")
    return int(standing.get("begun", ended))


def missing(source: Side, target: Side) -> int:
    """How many changes of the source the target has not heard of."""
    known = target.vector
    return sum(max(0, n - known.get(replica, 0)) for replica, n in source.vector.items())


def step(name: str, source: Side, scans: int, target: Side, waited: float) -> Step:
    """How far it is.

    Args:
        name: of the tree.
        source: the copy that has the edits.
        scans: what `scans_seen` said before it was told to look.
        target: the copy that is to have them.
        waited: for how many seconds.
    """
    for side in (source, target):
        if held := _held(name, side):
            return held
    if int(source.standing.get("scans", 0)) <= scans:
        return Step(False, 0, f"{source.host} looks at its files")
    changes = missing(source, target)
    if changes:
        return Step(False, changes, f"{target.host} hears of {changes} changes")
    if target.state != "idle":
        return Step(False, 0, f"{target.host} is {target.state}")
    left: Mapping[str, str] = target.standing.get("left", {})
    if not left:
        return Step(True, 0, "both are in step")
    path, why = next(iter(left.items()))
    at = f"{path} could not be brought up to date on {target.host}: {why}"
    if waited < PATIENCE:
        return Step(False, 0, at)
    return Step(False, 0, at, at, f"see all that is left: simulacra tree status {name}")


def _held(name: str, side: Side) -> Step | None:
    if side.state in _AT_WORK:
        return None
    reason = str(side.standing.get("reason", ""))
    if side.state == "unknown":
        at = f"{side.host} does not say how {name} is there: {reason}"
        return Step(False, 0, at, at, "see who is connected: simulacra status")
    at = f"{name} is {side.state} on {side.host}" + (f": {reason}" if reason else "")
    hint = f"see how it is: simulacra tree status {name}"
    if side.state == "paused":
        hint = f"go on with it, there: simulacra tree resume {name}"
    return Step(False, 0, at, at, hint)
