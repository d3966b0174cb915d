"""Records: what is known of one file, folder or link of a tree, mergeable in any order.

A record is called by an id that is derived from where it was first created: its folder's id, its
name, and a generation that is above 0 only while the id below belongs to something that has moved
away. So what two sides create under one name is one record from the start: two folders are one
folder, two equal files are one file, two different files are two versions.

====================  ============================================================================
part                  two sides together
====================  ============================================================================
versions, alive       a dot stays unless the other side knows of it and has it no more
renamed               what stays is what stays alive
location              the latest counts
mode, mtime, xattrs   each on its own, the latest counts: chmod conflicts with no edit
context               all that either knows of
====================  ============================================================================

*Versions* are the contents written and not replaced: an edit replaces those that its author saw.
*Alive* holds a dot for every version, and for every renaming: a deletion takes away those that were
seen. So against a deletion that did not know of it an edit wins, and a renaming wins too: *renamed*
has the content that it saw, which is shown where no version is alive any more. Whoever renamed it
has that on his disk; what somebody else wrote and deleted meanwhile nobody may have. The versions
of a tombstone, which has no living dot, tell what it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final, Generic, NamedTuple, TypeVar

from simulacra.actors.cluster.clock import NEVER, Stamp
from simulacra.actors.data.entries import Attributes, Content, Entry
from simulacra.actors.data.reconciling.dots import Context, Dot, Event, join

FileId = bytes
ID_LENGTH: Final = 16
ROOT_ID: Final[FileId] = bytes(ID_LENGTH)
"""The id of the tree's root, which has no record."""

LINEAGE_LIMIT: Final = 8

T = TypeVar("T")


def file_id(folder: FileId, name: bytes, generation: int = 0) -> FileId:
    """The id of what is created under a name in a folder."""
    origin = folder + generation.to_bytes(8) + name
    return hashlib.blake2b(origin, digest_size=ID_LENGTH, person=b"tree entry").digest()


class Cell(NamedTuple, Generic[T]):
    """A value of which the latest counts.

    Attributes:
        event: when it was written, by whom.
        value: what was written.
    """

    event: Event
    value: T


class Location(NamedTuple):
    """Where something is.

    Attributes:
        folder: the id of the folder.
        name: its name there.
        before: the id of the folder that it was moved out of; the same if it never moved.
    """

    folder: FileId
    name: bytes
    before: FileId


@dataclass(frozen=True, slots=True)
class Version:
    """A content that was written.

    Attributes:
        event: when, by whom.
        content: what.
        attributes: as they were then; a conflict copy has these.
        lineage: the digests of the contents that it came of, the latest first, at most
            `LINEAGE_LIMIT`.
    """

    event: Event
    content: Content
    attributes: Attributes
    lineage: tuple[bytes, ...] = ()

    @property
    def dot(self) -> Dot:
        """What it is called by."""
        return self.event.dot


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one thing; see the module.

    Attributes:
        id: what it is called by.
        location: where it is.
        mode: its permission bits.
        mtime: when it was modified, nanoseconds.
        xattrs: its extended attributes.
        versions: its contents, sorted by their events; the last is the latest.
        alive: the dots that keep it alive.
        context: all that was ever written to it.
        renamed: the contents that living renamings saw, each by its renaming's event, sorted.
    """

    id: FileId
    location: Cell[Location]
    mode: Cell[int]
    mtime: Cell[int]
    xattrs: Cell[tuple[tuple[bytes, bytes], ...]]
    versions: tuple[Version, ...] = ()
    alive: frozenset[Dot] = frozenset()
    context: Context = field(default_factory=dict)
    renamed: tuple[Version, ...] = ()

    @property
    def written(self) -> tuple[Version, ...]:
        """All contents that it has, shown or not."""
        return self.versions + self.renamed

    @property
    def attributes(self) -> Attributes:
        """As they are now."""
        return Attributes(self.mode.value, self.mtime.value, self.xattrs.value)

    @property
    def sole(self) -> Event | None:
        """The event that wrote all of it, as of nearly all: it was made and not changed since."""
        event = self.location.event
        is_sole = (
            self.mode.event is event
            and self.mtime.event is event
            and self.xattrs.event is event
            and len(self.versions) == 1
            and self.versions[0].event is event
        )
        return event if is_sole else None

    @property
    def latest(self) -> Stamp:
        """The latest stamp in it."""
        if (sole := self.sole) is not None:
            return sole.stamp
        events = [version.event for version in self.versions]
        cells = (self.location, self.mode, self.mtime, self.xattrs)
        return max([NEVER, *(e.stamp for e in events), *(cell.event.stamp for cell in cells)])


def living(record: Record) -> tuple[Version, ...]:
    """The versions that are to be seen, the latest last; none of a tombstone.

    Of a record that only renamings keep alive these are what they saw, without that of which
    another one came.
    """
    found = tuple(each for each in record.versions if each.dot in record.alive)
    if found or not record.alive:
        return found
    came_of = {digest for each in record.renamed for digest in each.lineage}
    latest = tuple(each for each in record.renamed if each.content.digest not in came_of)
    return latest or record.renamed or record.versions


# -- writing: each takes what is known, and what of it the author saw


def create(which: FileId, folder: FileId, name: bytes, entry: Entry, event: Event) -> Record:
    """A record of something new."""
    attributes = entry.attributes
    return Record(
        which,
        Cell(event, Location(folder, name, folder)),
        Cell(event, attributes.mode),
        Cell(event, attributes.mtime_ns),
        Cell(event, attributes.xattrs),
        (Version(event, entry.content, attributes),),
        frozenset([event.dot]),
        {event.dot.replica: event.dot.n},
    )


def write(
    record: Record,
    event: Event,
    entry: Entry,
    *,
    over: Collection[Dot],
    before: Attributes | None,
    came_of: bytes = b"",
) -> Record:
    """A new content in place of the versions ``over``, which its author saw.

    Versions that were deleted before go as well. Of the attributes only those count as written
    that differ from ``before``; without it all. The content ``came_of`` is the one that was edited:
    another replica may have replaced it meanwhile, so that no version has it any more.
    """
    shown = living(record)
    gone = [each for each in record.versions if each.dot in over or each not in shown]
    kept = [each for each in record.versions if each not in gone]
    seen = [*gone, *(each for each in record.renamed if each.dot in over)]
    new = Version(event, entry.content, entry.attributes, _lineage(seen, came_of))
    written = replace(
        _alive(record, (record.alive - frozenset(over)) | {event.dot}),
        versions=tuple(sorted([*kept, new], key=_event)),
    )
    return set_attributes(written, event, entry.attributes, before=before)


def set_attributes(
    record: Record, event: Event, attributes: Attributes, *, before: Attributes | None
) -> Record:
    """Those attributes written anew that differ from ``before``; without it all."""
    changes: dict[str, Cell[object]] = {}
    if before is None or attributes.mode != before.mode:
        changes["mode"] = Cell(event, attributes.mode)
    if before is None or attributes.mtime_ns != before.mtime_ns:
        changes["mtime"] = Cell(event, attributes.mtime_ns)
    if before is None or attributes.xattrs != before.xattrs:
        changes["xattrs"] = Cell(event, attributes.xattrs)
    return _said(replace(record, **changes), event)  # type: ignore[arg-type]


def move(
    record: Record,
    event: Event,
    folder: FileId,
    name: bytes,
    *,
    seen: Collection[Dot],
    entry: Entry,
) -> Record:
    """Another location, which also keeps the record alive against deletions, with what it showed.

    Args:
        record: what is known.
        event: the renaming.
        folder: the id of the folder where it is now.
        name: its name there.
        seen: what kept it alive, as far as the author had seen.
        entry: what the author saw.
    """
    before = record.location.value.folder
    versions = {each.dot for each in record.versions}
    renamings = {dot for dot in seen if dot not in versions}
    came_of = [
        digest
        for each in (*record.renamed, *record.versions)
        if each.content == entry.content
        for digest in each.lineage
    ]
    lineage = tuple(dict.fromkeys(came_of))[:LINEAGE_LIMIT]
    carried = Version(event, entry.content, entry.attributes, lineage)
    left = _alive(record, (record.alive - renamings) | {event.dot})
    return _said(
        replace(
            left,
            location=Cell(event, Location(folder, name, before)),
            renamed=tuple(sorted([*left.renamed, carried], key=_event)),
        ),
        event,
    )


def remove(record: Record, event: Event, *, seen: Collection[Dot]) -> Record:
    """A deletion of what was seen: whatever else keeps the record alive still does."""
    return _said(_alive(record, record.alive - frozenset(seen)), event)


def drop(record: Record, event: Event, dots: Collection[Dot]) -> Record:
    """Without some of what it shows: a conflict is settled. The last version stays as it was."""
    kept = tuple(each for each in record.versions if each.dot not in dots) or record.versions
    left = _alive(record, record.alive - frozenset(dots))
    return _said(replace(left, versions=kept), event)


def _alive(record: Record, alive: frozenset[Dot]) -> Record:
    renamed = tuple(each for each in record.renamed if each.dot in alive)
    return replace(record, alive=alive, renamed=renamed)


def _said(record: Record, event: Event) -> Record:
    return replace(record, context=join(record.context, {event.dot.replica: event.dot.n}))


def _event(version: Version) -> Event:
    return version.event


def _lineage(seen: list[Version], came_of: bytes) -> tuple[bytes, ...]:
    """The contents that a new one comes of: those that it replaces, and what these came of."""
    latest_first = sorted(seen, key=_event, reverse=True)
    contents = [each.content.digest for each in latest_first]
    digests = [digest for digest in (*contents, came_of) if digest]
    digests += [digest for each in latest_first for digest in each.lineage]
    return tuple(dict.fromkeys(digests))[:LINEAGE_LIMIT]
