"""Where folders are when moves on several sides make a circle.

Every record says which folder it is in; following that from anywhere ends at the root, unless sides
that did not know of each other moved folders into one another's. Of each circle the latest move
does not count: that folder is *displaced*. It is in the folder that it was moved out of, if the way
from there to the root meets no circle; otherwise in the root. That is a function of the records
alone, so all replicas that know the same show the same tree. Circles do not touch each other, and
nobody is displaced into one, so that breaking one makes no other.

A store keeps the ids of the displaced beside the records, and asks `displaced` for them anew when
the location of a record has changed, or a record has come: a change makes at most the one circle
that it is in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulacra.actors.data.reconciling.index import Known
from simulacra.actors.data.reconciling.records import ROOT_ID, FileId, Record


def displaced(changed: Iterable[FileId], known: Known) -> frozenset[FileId]:
    """The displaced folders, after the locations of some records have changed."""
    circles = (_circle(each, known) for each in {*changed, *known.displaced()})
    return frozenset(
        max(circle, key=lambda each: each.location.event).id for circle in circles if circle
    )


def folder_of(record: Record, known: Known) -> FileId:
    """The folder that something is in."""
    if record.id not in known.displaced():
        return record.location.value.folder
    before = record.location.value.before
    return before if _reaches_root(before, known) else ROOT_ID


def inside(folder: FileId, known: Known) -> Iterator[Record]:
    """The records that are in a folder, tombstones too."""
    away = known.displaced()
    yield from (each for each in known.located(folder) if each.id not in away)
    for each in away:
        record = known.record(each)
        if record is not None and folder_of(record, known) == folder:
            yield record


def depth(folder: FileId, known: Known) -> int | None:
    """How far below the root a folder is; None while one above it is not known yet."""
    steps = 0
    while folder != ROOT_ID:
        record = known.record(folder)
        if record is None:
            return None
        folder = folder_of(record, known)
        steps += 1
    return steps


def _circle(start: FileId, known: Known) -> list[Record]:
    """The circle that something is in; empty if it is in none."""
    found: list[Record] = []
    seen: set[FileId] = set()
    at = start
    while at not in seen:
        record = known.record(at)
        if at == ROOT_ID or record is None:
            return []
        seen.add(at)
        found.append(record)
        at = record.location.value.folder
    return found if at == start else []


def _reaches_root(folder: FileId, known: Known) -> bool:
    seen: set[FileId] = set()
    while folder != ROOT_ID:
        record = known.record(folder)
        if record is None or folder in seen:
            return False
        seen.add(folder)
        folder = record.location.value.folder
    return True
