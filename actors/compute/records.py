"""What a host writes down about a computation that moves (the rules are in `moving`).

Records go to the disk of one host, in order; after a kill, what they come to is all that counts.
They are plain data.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Active:
    """It runs here, in this epoch. Whoever spawns a computation writes the first one."""

    name: str
    epoch: int


@dataclass(frozen=True)
class Attempted:
    """An attempt began to move it to `target`; its epoch will not be used again."""

    name: str
    epoch: int
    target: str


@dataclass(frozen=True)
class Committed:
    """It belongs to `target` from now on: the point of no return."""

    name: str
    epoch: int
    target: str


@dataclass(frozen=True)
class Left:
    """The target runs it."""

    name: str
    epoch: int


@dataclass(frozen=True)
class Stored:
    """A snapshot is kept here for `source`, inert."""

    name: str
    epoch: int
    source: str
    snapshot: Any


@dataclass(frozen=True)
class Dropped:
    """The snapshot of this epoch is not kept any more."""

    name: str
    epoch: int


Record = Active | Attempted | Committed | Left | Stored | Dropped


@dataclass(frozen=True)
class Standing:
    """What the records of one computation on one host come to.

    Attributes:
        active: the epoch in which it runs here, or None.
        ran: the highest epoch in which it ever ran here; -1 for never.
        snapshot: what it began from here, when it came from another host: good until it is
            saved here for the first time.
        tried: the last attempt to move it away that was not committed.
        committed: where it went from here last, unless it came back.
        left: whether the target of `committed` is known to run it.
        stored: the snapshot that is kept inert for another host.
    """

    active: int | None = None
    ran: int = -1
    snapshot: Any = None
    tried: Attempted | None = None
    committed: Committed | None = None
    left: bool = False
    stored: Stored | None = None

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is known not to be here: it runs where it went, or never came."""
        undecided = self.committed is not None and not self.left
        return self.active is None and self.stored is None and not undecided

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Standing":
        """Fold the records, oldest first."""
        self = cls()
        for record in records:
            self = self.after(record)
        return self

    def after(self, record: Record) -> "Standing":
        """The standing once one more record is on disk."""
        match record:
            case Active(epoch=epoch):
                snapshot = self.stored.snapshot if self.stored else None
                return Standing(active=epoch, ran=epoch, snapshot=snapshot)
            case Attempted():
                return replace(self, tried=record)
            case Committed():
                return Standing(ran=self.ran, committed=record)
            case Left():
                return replace(self, left=True)
            case Stored():
                return replace(self, stored=record)
            case Dropped(epoch=epoch):
                kept = self.stored if self.stored and self.stored.epoch > epoch else None
                return replace(self, stored=kept)
