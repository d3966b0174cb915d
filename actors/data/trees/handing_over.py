"""How a tree's main store moves, seen from the one that hands over.

The focus of a tree is a fact in the directory, said by the main store under an epoch that grows
with each move; so every host keeps the highest that it heard of, on disk, and an order with an
older one is refused.

1. PREPARE: the target is brought up to date: its disk shows all that was known here when the move
began. Meanwhile nothing else changes.
2. FREEZE: this host merges no more. The target's disk is to show what is known here now as well.
3. COMMIT: this host says, under its own epoch, to whom it has *handed* the tree, and that is on its
disk: the point of no return.
4. The target sees that in the directory, and says that it is the main store, under the next epoch.
All others hear it from the directory.

Before 3 a failure leaves the old one; after 3 only the target counts, also when both were restarted
in between. Edits are taken in everywhere all the time: none of them waits for this.

Without the main store a host may *take* a tree, where somebody says so (`why_not_take`). The old
one, when it is back, sees the higher epoch, and is a follower.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from simulacra.actors.cluster.facts import Epoch
from simulacra.actors.data.reconciling.dots import Context, includes

PREPARE_WITHIN: Final = 3600.0
"""Seconds for bringing the target up to date."""
FREEZE_WITHIN: Final = 30.0
SILENCE: Final = 10.0
"""Seconds without a word of the target, after which it is out of reach."""
_BEFORE: Final = 5


@dataclass(frozen=True, slots=True)
class Seat:
    """Who is the main store of a tree, as the directory has it.

    Attributes:
        epoch: under which that was said.
        host: the main store.
        since: seconds since the epoch of Unix.
        why: in words.
        before: the epochs' counters and hosts before, the latest last.
        handed: to whom the host has handed it; empty if to nobody.
    """

    epoch: Epoch
    host: str
    since: float
    why: str = ""
    before: tuple[tuple[int, str], ...] = ()
    handed: str = ""

    @classmethod
    def of(cls, epoch: Epoch, value: dict[str, Any]) -> Seat:
        """From the fact that says it."""
        before = tuple((int(counter), str(host)) for counter, host in value.get("before", ()))
        return cls(
            epoch,
            value["host"],
            float(value["since"]),
            value.get("why", ""),
            before,
            value.get("handed", ""),
        )

    def to_plain(self) -> dict[str, Any]:
        """As the value of the fact."""
        plain: dict[str, Any] = {"host": self.host, "since": self.since, "why": self.why}
        plain["before"] = [list(each) for each in self.before]
        return plain | ({"handed": self.handed} if self.handed else {})

    def next(self, host: str, since: float, why: str) -> Seat:
        """The one after it."""
        before = (*self.before, (self.epoch.counter, self.host))[-_BEFORE:]
        return Seat(Epoch(self.epoch.counter + 1, host), host, since, why, before)


def why_not_take(
    seat: Seat, host: str, in_reach: Collection[str], copies: Collection[str]
) -> str | None:
    """Why a host may not take a tree whose main store did not hand it over; None if it may."""
    holder = seat.handed or seat.host
    if seat.host == host and not seat.handed:
        return f"{host} is the main store already"
    if holder in in_reach and holder in copies:
        return f"{holder}, the main store, is in reach, and can hand it over"
    if host not in copies:
        return f"{host} has no copy"
    return None


class Step(Enum):
    """What the old main store is to do next."""

    ASK = auto()
    """Ask the target how far it is."""
    FREEZE = auto()
    """Merge no more, and tell `HandOver.froze` what is known then."""
    COMMIT = auto()
    """Say that it is handed over."""
    GIVE_UP = auto()
    """Go on as the main store; `HandOver.problem` says why."""


class HandOver:
    """A move under way; see the module.

    Args:
        seat: this host's.
        target: the host that is to be the main store.
        known: all that is known here.
        now: the time, seconds.

    Attributes:
        frozen: whether this host merges no more.
        problem: why it was given up; empty until then.
    """

    def __init__(self, seat: Seat, target: str, known: Context, now: float) -> None:
        self.epoch: Final = seat.epoch
        self.target: Final = target
        self.frozen = False
        self.problem = ""
        self._goal: Context | None = known
        self._due = now + PREPARE_WITHIN
        self._heard_at = now
        self._lacking = f"{target} has not answered"

    def heard_of(self, seat: Seat | None) -> Step | None:
        """The directory says who is the main store, or that there is no such tree."""
        if seat is None:
            return self._give_up("the tree was removed")
        if seat.epoch > self.epoch:
            return self._give_up(f"{seat.host} is the main store, in epoch {seat.epoch.counter}")
        return None

    def answered(self, epoch: Epoch, shows: Context, problem: str, now: float) -> Step | None:
        """The target said how far it is.

        Args:
            epoch: of the tree's focus, as it was asked.
            shows: what its disk shows all of.
            problem: why it cannot be the main store, if it cannot.
            now: the time.
        """
        if epoch != self.epoch:
            return None
        self._heard_at = now
        if problem:
            return self._give_up(problem)
        if self._goal is None:
            return None
        if not includes(shows, self._goal):
            self._lacking = f"the disk of {self.target} does not show all of it yet"
            return None
        if self.frozen:
            return Step.COMMIT
        self.frozen, self._goal = True, None
        self._due = now + FREEZE_WITHIN
        return Step.FREEZE

    def froze(self, known: Context) -> None:
        """Nothing is merged here any more, and this is known."""
        self._goal = known

    def tick(self, now: float) -> Step:
        """Some time has passed."""
        if now - self._heard_at > SILENCE:
            return self._give_up(f"{self.target} does not answer")
        if now > self._due:
            return self._give_up(f"not in step in time: {self._lacking}")
        return Step.ASK

    def _give_up(self, problem: str) -> Step:
        self.problem, self.frozen = problem, False
        return Step.GIVE_UP
