"""What sides changed apart and a person may want to settle, and how it is settled.

===========  ======================================================================================
kind         is
===========  ======================================================================================
content      several contents of one thing: one has the name, the others are conflict copies
name         another thing has the name that this one was given
circle       a folder that was moved into what had been moved into it; its move does not count
===========  ======================================================================================

To settle is an ordinary edit that replaces the versions that it was shown, so that what somebody
writes meanwhile is again kept. Between contents: take one side, an edited content, or both: then
every copy is a file of its own. A *name* is settled by any renaming; to take both keeps the name
that is shown. A *circle* is settled by moving the folder; to take both leaves it where it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from simulacra.actors.data.entries import Entry, Path, join
from simulacra.actors.data.reconciling.creating import created
from simulacra.actors.data.reconciling.dots import Author, Dot
from simulacra.actors.data.reconciling.index import Index, Known, Row
from simulacra.actors.data.reconciling.placing import folder_of
from simulacra.actors.data.reconciling.projecting import listing, sides
from simulacra.actors.data.reconciling.records import (
    FileId,
    Record,
    Version,
    drop,
    move,
    write,
)


class ConflictKind(StrEnum):
    """What sides differ in."""

    CONTENT = "content"
    NAME = "name"
    CIRCLE = "circle"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something to settle.

    Attributes:
        kind: what sides differ in.
        path: where it is shown.
        id: whose record.
        folder: the id of the folder it is shown in.
        sides: the versions, the one that has the name before those that are copies; one for a
            name or a circle.
        copies: the paths of the conflict copies, as the last of the sides.
    """

    kind: ConflictKind
    path: Path
    id: FileId
    folder: FileId
    sides: tuple[Version, ...]
    copies: tuple[Path, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Who wrote each side."""
        return tuple(version.dot.replica.host for version in self.sides)


class SettleError(ValueError):
    """A conflict cannot be settled so; the text says why and what to do."""


def conflicts(folder: FileId, path: Path, known: Known) -> Iterator[Conflict]:
    """The conflicts that show in one folder, which is at a path."""
    names = listing(folder, known)
    copies = {row.copy: join(path, name) for name, row in names.items() if row.copy is not None}
    for name, row in sorted(names.items()):
        record = known.record(row.id)
        if record is None or row.copy is not None:
            continue
        at = join(path, name)
        versions = tuple(side.latest for side in sides(record))
        others = [each.dot for each in versions if each.dot in copies]
        if others:
            paths = tuple(copies[dot] for dot in others)
            yield Conflict(ConflictKind.CONTENT, at, row.id, folder, versions, paths)
        if name != record.location.value.name:
            yield Conflict(ConflictKind.NAME, at, row.id, folder, versions[:1])
        if folder_of(record, known) != record.location.value.folder:
            yield Conflict(ConflictKind.CIRCLE, at, row.id, folder, versions[:1])


def common(sides: tuple[Version, ...]) -> bytes | None:
    """The digest of the latest content that all sides come of, None without one: to merge from."""
    first, *others = sides
    shared = (each for each in first.lineage if all(each in other.lineage for other in others))
    return next(shared, None)


# -- settling


def take(conflict: Conflict, side: Dot, index: Index, author: Author) -> None:
    """Keep one side's content, instead of all that were shown.

    Raises:
        SettleError: it is none of the sides.
    """
    for version in conflict.sides:
        if version.dot == side:
            edit(conflict, Entry(version.content, version.attributes), index, author)
            return
    raise SettleError("that side is no longer there: list the conflicts again")


def edit(conflict: Conflict, entry: Entry, index: Index, author: Author) -> None:
    """Put one content in place of all that were shown; a merged text is such an edit, too.

    Raises:
        SettleError: it is not about contents, or one of the sides is there no more.
    """
    record = _record(conflict, index)
    if conflict.kind is not ConflictKind.CONTENT:
        raise SettleError("its sides do not differ in content: rename or move it as you like")
    event = author.event(record.latest)
    over = _dots(conflict, record)
    index.put(write(record, event, entry, over=over, before=record.attributes))


def take_both(conflict: Conflict, index: Index, author: Author) -> None:
    """Let everything be as it is shown, each copy a file of its own.

    Raises:
        SettleError: one of the sides is there no more.
    """
    record = _record(conflict, index)
    if conflict.kind is not ConflictKind.CONTENT:
        event = author.event(record.latest)
        name = conflict.path.rpartition(b"/")[2]
        shown = Entry(conflict.sides[0].content, record.attributes)
        moved = move(record, event, conflict.folder, name, seen=record.alive, entry=shown)
        index.put(moved)
        return
    _dots(conflict, record)
    names = listing(conflict.folder, index)
    for name, row in names.items():
        if row.id == record.id and row.copy is not None and row.copy in _shown(conflict):
            record = _separate(record, name, row, conflict.folder, index, author)


def _separate(
    record: Record, name: bytes, row: Row, folder: FileId, index: Index, author: Author
) -> Record:
    """Make a copy a file of its own, first the file, so that it is never without a place."""
    index.put(created(folder, name, row.entry, index, author))
    left = drop(record, author.event(record.latest), row.dots)
    index.put(left)
    return left


def _record(conflict: Conflict, index: Index) -> Record:
    record = index.record(conflict.id)
    if record is None:
        raise SettleError("it is no longer there: list the conflicts again")
    return record


def _dots(conflict: Conflict, record: Record) -> frozenset[Dot]:
    """The dots of the sides that were shown, with those that are equal to them."""
    found = [side for side in sides(record) if side.latest.dot in _shown(conflict)]
    if len(found) < len(conflict.sides):
        raise SettleError("its sides have changed meanwhile: list the conflicts again")
    return frozenset(dot for side in found for dot in side.dots)


def _shown(conflict: Conflict) -> frozenset[Dot]:
    return frozenset(version.dot for version in conflict.sides)
