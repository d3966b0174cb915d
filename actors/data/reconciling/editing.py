"""What an edit of this host makes of the records, and of the base beside them.

Each edit is one event of the author's, under the record that the path shows; the base says then
what of the record is on disk, and has seen no more than that. Where an edit is of a conflict copy,
the copy becomes a file of its own and its conflict is settled. Whatever is said to be in a folder
makes sure that the folder is known to be there: also one that was deleted elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

from simulacra.actors.data.entries import ROOT, Entry, Path, name, parent
from simulacra.actors.data.reconciling.copy_names import recovered_name
from simulacra.actors.data.reconciling.creating import created
from simulacra.actors.data.reconciling.dots import Author, Dot
from simulacra.actors.data.reconciling.index import Index, Row
from simulacra.actors.data.reconciling.on_disk import folder_at
from simulacra.actors.data.reconciling.projecting import side_of, sides
from simulacra.actors.data.reconciling.records import (
    FileId,
    Record,
    create,
    drop,
    move,
    remove,
    set_attributes,
    write,
)
from simulacra.actors.data.reconciling.renames import Found


class Edits:
    """The edits of one observation.

    Args:
        index: what is known.
        author: of the edits.

    Attributes:
        leaving: what is gone from where something of another kind is now.
    """

    def __init__(self, index: Index, author: Author) -> None:
        self.leaving: set[FileId] = set()
        self._index = index
        self._author = author

    def create(self, folder: FileId, path: Path, found: Found) -> None:
        """Something new, which is no other thing that was renamed."""
        self._revive(parent(path))
        record = created(
            folder, name(path), found.entry, self._index, self._author, besides=self.leaving
        )
        self._keep(path, record, found)

    def recover(self, folder: FileId, path: Path, found: Found) -> None:
        """What was put aside, and nobody knows of any more, as a file or folder of its own."""
        called = recovered_name(name(path))
        record = created(folder, called, found.entry, self._index, self._author)
        self._keep(path, record, found)

    def write(self, folder: FileId, path: Path, row: Row, found: Found) -> None:
        """Another content: it follows what was there, and nothing else."""
        record = self._index.record(row.id)
        if record is None:
            called = recovered_name(name(path))
            record = create(row.id, folder, called, found.entry, self._author.event())
        else:
            side = side_of(record, found.entry.content)
            if side is None or side != next(iter(sides(record)), None):
                over = row.dots | (side.dots if side is not None else frozenset())
                event = self._author.event(record.latest)
                before = row.entry.attributes
                edited = row.entry.content.digest
                record = write(record, event, found.entry, over=over, before=before, came_of=edited)
        self._keep(path, record, found)

    def adopt(self, folder: FileId, path: Path, row: Row, found: Found) -> None:
        """Make a conflict copy a file of its own."""
        self.settle(row)
        self._index.drop_row(path)
        self.create(folder, path, found)

    def settle(self, row: Row) -> None:
        """The version that a conflict copy shows is no longer one of its record."""
        record = self._index.record(row.id)
        versions = () if record is None else record.written
        if record is not None and any(each.dot in row.dots for each in versions):
            event = self._author.event(record.latest)
            self._index.put(drop(record, event, row.dots))

    def set_attributes(self, path: Path, row: Row, found: Found) -> None:
        """Other attributes: those that differ are edited."""
        record = self._index.record(row.id)
        if record is not None:
            event = self._author.event(record.latest)
            before = row.entry.attributes
            changed = set_attributes(record, event, found.entry.attributes, before=before)
            self._index.put(changed)
        self.show(path, replace(row, entry=found.entry), found)

    def rename(self, record: Record, row: Row, folder: FileId, path: Path) -> Row:
        """What a row shows has another name or folder; the row of where it is now."""
        self._revive(parent(path))
        event = self._author.event(record.latest)
        record = move(record, event, folder, name(path), seen=row.alive, entry=row.entry)
        self._index.put(record)
        return replace(row, alive=row.alive & record.alive | {event.dot})

    def delete(self, row: Row) -> None:
        """What a row showed is gone; what was not seen here stays."""
        record = self._index.record(row.id)
        if record is not None and record.alive & row.alive:
            event = self._author.event(record.latest)
            self._index.put(remove(record, event, seen=row.alive))

    def forsake(self, row: Row) -> None:
        """What a row showed is gone, though its record shows something else at other paths."""
        others = (each.dots for _, each in self._index.paths(row.id))
        gone = (row.dots | row.alive).difference(*others)
        record = self._index.record(row.id)
        if record is not None and record.alive & gone:
            self._index.put(drop(record, self._author.event(record.latest), gone))

    def show(self, path: Path, row: Row, found: Found) -> None:
        """Put a row for a path: no edit, the base alone says so."""
        self._index.set_row(path, replace(row, fingerprint=found.fingerprint))

    # -- the folders above, and the base

    def _revive(self, path: Path) -> None:
        """Make sure that a folder in which something is said to be is known to be there."""
        while path != ROOT:
            row = self._index.row(path)
            folder = folder_at(parent(path), self._index)
            if row is None or folder is None:
                return
            record = self._index.record(row.id)
            if record is not None and record.alive:
                return
            if record is None:
                called = recovered_name(name(path))
                record = create(row.id, folder, called, row.entry, self._author.event())
            else:
                event = self._author.event(record.latest)
                record = write(record, event, row.entry, over=(), before=None)
            self._index.put(record)
            self._index.set_row(path, _shown(record, row.entry, row))
            path = parent(path)

    def _keep(self, path: Path, record: Record, found: Found) -> None:
        self._index.put(record)
        self.show(path, _shown(record, found.entry, self._index.row(path)), found)


def _shown(record: Record, entry: Entry, before: Row | None) -> Row:
    """The row of a path that shows something of a record now; it has seen no more than that."""
    side = side_of(record, entry.content)
    dots: frozenset[Dot] = side.dots if side is not None else frozenset()
    alive = before.alive if before is not None else frozenset()
    return Row(record.id, entry, dots, (dots | alive) & record.alive)
