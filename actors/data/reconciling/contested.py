"""Where to look for conflicts, so that nobody looks at every folder of a tree.

A record is *contested* when it has several versions, is not where it was first created, or is a
file with something in it: only such a one can be a conflict of contents, have lost its name to
another, or be in a circle. A store keeps the ids of the contested beside the records
(`contested_by`); of all that lie in the folders of these `find` yields what really is a conflict,
the same on every replica that knows the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from simulacra.actors.data.entries import FOLDER, ROOT, Path, join
from simulacra.actors.data.reconciling.conflicts import Conflict, conflicts
from simulacra.actors.data.reconciling.index import Known, Row
from simulacra.actors.data.reconciling.placing import folder_of
from simulacra.actors.data.reconciling.projecting import listing
from simulacra.actors.data.reconciling.records import ROOT_ID, FileId, Record, file_id


class Shown(NamedTuple):
    """What a path of the tree shows.

    Attributes:
        folder: the id of the folder it is in.
        row: what is there.
    """

    folder: FileId
    row: Row


def is_contested(record: Record) -> bool:
    """Whether a record may be in conflict; it says nothing of others."""
    folder, name, _ = record.location.value
    is_moved = record.id != file_id(folder, name)
    return bool(record.alive) and (is_moved or len(record.written) > 1)


def contested_by(record: Record, known: Known) -> set[FileId]:
    """The records that may be in conflict since one was put: that one, or the file that it is in.

    Whichever of a file and what is in it is put last, the file is among them.
    """
    found: set[FileId] = set()
    # What was written once, as a file, was no folder before, and what is in it comes later.
    if is_contested(record) or (
        _is_file(record) and _was_written_again(record) and any(known.located(record.id))
    ):
        found.add(record.id)
    above = known.record(record.location.value.folder)
    if above is not None and _is_file(above):
        found.add(above.id)
    return found


def _was_written_again(record: Record) -> bool:
    by_its_versions = {each.dot.replica: each.dot.n for each in record.versions}
    return record.context != by_its_versions or record.location.event != record.versions[0].event


def _is_file(record: Record) -> bool:
    """Whether it lives, and is no folder."""
    return bool(record.alive) and any(each.content != FOLDER for each in record.written)


def find(contested: Iterable[FileId], known: Known) -> Iterator[Conflict]:
    """All conflicts, by path.

    Args:
        contested: at least the ids that `contested_by` says of all records.
        known: what is known.
    """
    records = filter(None, map(known.record, {*contested, *known.displaced()}))
    paths: dict[FileId, Path | None] = {ROOT_ID: ROOT}
    folders = {folder_of(record, known) for record in records}
    shown = ((path, each) for each in folders if (path := _path(each, known, paths)) is not None)
    for path, folder in sorted(shown):
        yield from conflicts(folder, path, known)


def at(path: Path, known: Known) -> Shown | None:
    """What a path should show; None for the root, and where nothing is known to be."""
    folder, found = ROOT_ID, None
    for name in path.split(b"/"):
        row = listing(folder, known).get(name)
        if row is None or (found is not None and not found.row.is_folder):
            return None
        found = Shown(folder, row)
        folder = row.id
    return found


def _path(folder: FileId, known: Known, paths: dict[FileId, Path | None]) -> Path | None:
    """Where a folder is shown; None while one above it is not known, or shown as no folder."""
    way = []
    while folder not in paths:
        record = known.record(folder)
        if record is None:
            paths[folder] = None
            break
        way.append(folder)
        folder = folder_of(record, known)
    for each in reversed(way):
        above = paths[folder]
        paths[each] = None if above is None else _below(above, folder, each, known)
        folder = each
    return paths[folder]


def _below(above: Path, folder: FileId, which: FileId, known: Known) -> Path | None:
    names = listing(folder, known).items()
    return next((join(above, at) for at, row in names if row.id == which and row.is_folder), None)
