"""How a tree is on one host, as its worker tells it to all who ask."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Final

from simulacra.actors.data.entries import Path, shown
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.packing import pack_context

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
        retry_at: when what failed is tried again, by the same clock; infinite where nothing is.
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
    retry_at: float = float("inf")
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

        ``retry_in`` says in how many seconds it is tried again; None for never. Of paths the first
        `_SHOWN` are listed, and how many more there are.
        """
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        retry_at, now = plain.pop("retry_at"), time.monotonic()
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
            "since": now - self.since,
            "retry_in": None if retry_at == float("inf") else max(0.0, retry_at - now),
        }


class Board:
    """Where a tree's threads write how it is, and from which any thread reads it.

    Attributes:
        standing: how it is.
    """

    def __init__(self) -> None:
        self.standing = Standing()
        self._lock = threading.Lock()

    def note(self, **changed: Any) -> None:
        """These fields are others now."""
        with self._lock:
            self.standing = replace(self.standing, **changed)

    def came(self, size: int) -> None:
        """Bytes of contents came from another host."""
        with self._lock:
            self.standing = replace(self.standing, came=self.standing.came + size)

    def show(self, state: State, reason: str, journal: Journal | None) -> None:
        """This is what is being done, and why nothing else; with this journal, if one is open."""
        changed: dict[str, Any] = {"state": state, "reason": reason}
        if journal is not None:
            changed |= {
                "incarnation": journal.author.replica.incarnation,
                "last": journal.last,
                "vector": tuple(pack_context(journal.vector)),
            }
        if (state, reason) != (self.standing.state, self.standing.reason):
            changed["since"] = time.monotonic()
        self.note(**changed)


def _shown(reasons: dict[Path, str]) -> dict[str, str]:
    first = list(reasons.items())[:_SHOWN]
    return {shown(path): why for path, why in first}
