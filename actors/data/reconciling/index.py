"""What a replica keeps of a tree: records, and the base that its disk was last brought to.

Both are tables of small rows, looked up one by one, so that nobody needs a whole tree in memory.
Whoever keeps them makes the changes of one call, from `Index.put` to the rows, in one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from simulacra.actors.data.entries import Entry, Fingerprint, Kind, Path
from simulacra.actors.data.reconciling.dots import Dot
from simulacra.actors.data.reconciling.records import FileId, Record


@dataclass(frozen=True, slots=True)
class Row:
    """What a path on disk shows, or should show, of a record: the synced base is of these.

    Attributes:
        id: whose record.
        entry: what is at the path.
        dots: the versions shown, several if they are equal; none for a folder that is there only
            for what it contains.
        alive: the dots that kept just this alive then; whoever deletes it has seen these.
        copy: the version that a conflict copy shows; None for what has the name itself.
        fingerprint: what `stat` said after it was put there; None while it is planned.
    """

    id: FileId
    entry: Entry
    dots: frozenset[Dot]
    alive: frozenset[Dot]
    copy: Dot | None = None
    fingerprint: Fingerprint | None = None

    @property
    def identity(self) -> tuple[FileId, Dot | None]:
        """What stays the same when it is moved."""
        return self.id, self.copy

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.entry.content.kind is Kind.FOLDER

    def says(self, other: Row) -> bool:
        """Whether another row says the same, whatever its fingerprint."""
        return (
            self.entry == other.entry
            and self.identity == other.identity
            and self.dots == other.dots
            and self.alive == other.alive
        )

    def at(self, fingerprint: Fingerprint | None) -> Row:
        """The same with another fingerprint."""
        # A path on disk is put one by one: this is a third of the time of `replace`.
        return Row(self.id, self.entry, self.dots, self.alive, self.copy, fingerprint)


class Known(Protocol):
    """What a replica knows; lookups, so that nobody needs all of it at once."""

    def record(self, which: FileId, /) -> Record | None:
        """A record by its id."""

    def located(self, folder: FileId, /) -> Collection[Record]:
        """The records whose location is in a folder."""

    def displaced(self) -> Collection[FileId]:
        """The folders that are displaced; see the module."""


class Base(Protocol):
    """What the disk was last brought to, or seen to be."""

    def row(self, path: Path, /) -> Row | None:
        """What is at a path."""

    def rows_in(self, folder: Path, /) -> Iterable[tuple[Path, Row]]:
        """The paths directly in a folder."""

    def paths(self, which: FileId, /) -> Iterable[tuple[Path, Row]]:
        """The paths that show something of a record."""

    def set_row(self, path: Path, row: Row, /) -> None:
        """A path shows something now."""

    def drop_row(self, path: Path, /) -> None:
        """A path shows nothing any more; does nothing if it did not."""

    def move_rows(self, source: Path, target: Path, /) -> None:
        """What was at and below a path is now at and below another."""


class Index(Known, Base, Protocol):
    """All that a replica keeps of a tree."""

    def put(self, record: Record, /) -> None:
        """Keep a record in place of what was known under its id."""
