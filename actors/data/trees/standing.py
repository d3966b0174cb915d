"""How a tree is on one host, as its worker tells it to all who ask."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from simulacra.actors.data.entries import Path, shown

_SHOWN: Final = 100


class State(StrEnum):
    """What a tree's worker is at."""

    OPENING = "opening"
    SCANNING = "scanning"
    HEARING = "hearing"
    BRINGING = "bringing"
    IDLE = "idle"
    PAUSED = "paused"
    WAITING = "waiting"
    HALTED = "halted"


@dataclass(frozen=True)
class Standing:
    """How a tree is on this host.

    Attributes:
        state: what is being done.
        reason: why it waits or is halted; empty otherwise.
        incarnation: of its journal.
        last: the number of its latest change.
        vector: all that it has heard of.
        shows: all that its disk shows; see `acknowledging`.
        left: paths that are not as they should be, and why.
        skipped: paths of which nothing is said, and why.
        behind: the hosts of which not all was heard.
        since: when that was so first, in seconds of the monotonic clock.
        scans: how often all of it was looked at, counting also looks that failed before the last.
        begun: the same, with the look that is under way: only one that is more than that begins
            after now.
        unwatched: how many folders are seen by scans alone; why, in `trouble`.
        trouble: why not all folders are watched.
        tombstones: how many deleted things are remembered, as `unacknowledged` do not know all.
        unacknowledged: the hosts for which they are kept.
        quarantined: folders in quarantine, and how many files wait in each.
        came: bytes of contents that came from other hosts since the worker was started.
    """

    state: State = State.OPENING
    reason: str = ""
    incarnation: int = 0
    last: int = 0
    vector: tuple[Any, ...] = ()
    shows: tuple[Any, ...] = ()
    left: dict[Path, str] = field(default_factory=dict)
    skipped: dict[Path, str] = field(default_factory=dict)
    behind: tuple[str, ...] = ()
    since: float = 0.0
    scans: int = 0
    begun: int = 0
    unwatched: int = 0
    trouble: str = ""
    tombstones: int = 0
    unacknowledged: tuple[str, ...] = ()
    quarantined: dict[str, int] = field(default_factory=dict)
    came: int = 0

    def to_plain(self) -> dict[str, Any]:
        """As plain data, with its age in seconds instead of a time.

        Of paths the first `_SHOWN` are listed, and how many more there are.
        """
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            **plain,
            "state": self.state.value,
            "vector": list(self.vector),
            "shows": list(self.shows),
            "behind": list(self.behind),
            "unacknowledged": list(self.unacknowledged),
            "left": _shown(self.left),
            "left_more": max(0, len(self.left) - _SHOWN),
            "skipped": _shown(self.skipped),
            "skipped_more": max(0, len(self.skipped) - _SHOWN),
            "since": time.monotonic() - self.since,
        }


def _shown(reasons: dict[Path, str]) -> dict[str, str]:
    first = list(reasons.items())[:_SHOWN]
    return {shown(path): why for path, why in first}
