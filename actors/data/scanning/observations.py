"""What a scan says: what is at the names of a folder, against what was there before."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulacra.actors.data.entries import Path
from simulacra.actors.data.scanning.ignoring import Mistake
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.looking import Reason
from simulacra.actors.data.scanning.rows import Row


@dataclass(frozen=True, slots=True)
class Found:
    """Something new or changed.

    Attributes:
        row: what is there.
        before: what was there; None if nothing was.
        elsewhere: other paths at which this inode was observed, not looked at again yet: of them
            those that are gone at the end of the scan are what it was moved from.
    """

    row: Row
    before: Row | None = None
    elsewhere: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something of which nothing is said; `detail` is in the system's words, and may be empty."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a scan says of a folder, by names. A folder of many changes has several, one by one.

    Attributes:
        folder: which.
        found: new, or not as before.
        refreshed: as before, but with a new fingerprint.
        gone: not there any more.
        forgotten: not looked at any more, since it is ignored now.
        skipped: of these nothing is said; an empty name is the folder itself.
        mistakes: lines of its ignore file that are no patterns.
    """

    folder: Path
    found: dict[bytes, Found] = field(default_factory=dict)
    refreshed: dict[bytes, Row] = field(default_factory=dict)
    gone: dict[bytes, Row] = field(default_factory=dict)
    forgotten: dict[bytes, Row] = field(default_factory=dict)
    skipped: dict[bytes, Skipped] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()

    def say(self, name: bytes, found: Found) -> None:
        """Add what was read at a name: found, refreshed, or nothing worth to say."""
        if found.before is None or found.before.entry != found.row.entry:
            self.found[name] = found
        elif found.before != found.row:
            self.refreshed[name] = found.row

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        said = self.found, self.refreshed, self.gone, self.forgotten, self.skipped, self.mistakes
        return not any(said)


def record(index: Index, observation: Observation) -> None:
    """Put an observation into the index, once it was noted wherever it is to be known."""
    rows = {name: found.row for name, found in observation.found.items()} | observation.refreshed
    if rows:
        index.put(observation.folder, rows)
    if observation.gone or observation.forgotten:
        index.remove(observation.folder, [*observation.gone, *observation.forgotten])


@dataclass(slots=True)
class Totals:
    """How much a scan has met until now."""

    folders: int = 0
    unchanged: int = 0
    found: int = 0
    refreshed: int = 0
    gone: int = 0
    forgotten: int = 0
    skipped: int = 0

    def add(self, observation: Observation) -> None:
        """Count an observation."""
        self.found += len(observation.found)
        self.refreshed += len(observation.refreshed)
        self.gone += len(observation.gone)
        self.forgotten += len(observation.forgotten)
        self.skipped += len(observation.skipped)
