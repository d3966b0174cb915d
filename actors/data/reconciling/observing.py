"""From what was found on disk to records: the edits of this host since the base.

=======================================  =======================================================
found, against the base                  is
=======================================  =======================================================
what is known to belong there            no edit: taken as synced (we died before we said so)
another content                          an edit of what was there, and of nothing else
other attributes                         those that differ
nothing, and elsewhere something new     a renaming, when it is the same inode with the same
                                         content, or else the same content; a folder: the same
                                         inode, with something of what it held
nothing                                  a deletion; of what was in it, too
nothing, and elsewhere another content   a deletion of what was there
of the same record
something new                            a creation, under the id that all hosts derive from it
a conflict copy edited or renamed        a file of its own: its conflict is settled
a conflict copy gone                     its conflict is settled
the name gone, copies still there        each copy is a file of its own
something new in a folder that was       the folder is there again
deleted elsewhere
a file instead of a folder, a folder     a deletion, or a renaming, and a creation
instead of a file
a name put aside, come or gone           nothing; edits of what is there, and in it, count
=======================================  =======================================================

A path with a file before and after keeps its id, whatever became of the inode: editors save by
renaming. What becomes of the records by an edit is said in `editing`. For imports see `importing`;
after an eviction tombstones may be gone, and whatever nobody knows of goes into quarantine.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from simulacra.actors.data.entries import FOLDER, ROOT, Path, is_below, name, parent
from simulacra.actors.data.reconciling.copy_names import is_aside_name
from simulacra.actors.data.reconciling.dots import Author
from simulacra.actors.data.reconciling.editing import Edits
from simulacra.actors.data.reconciling.importing import Remains
from simulacra.actors.data.reconciling.index import Index, Row
from simulacra.actors.data.reconciling.on_disk import folder_at
from simulacra.actors.data.reconciling.projecting import Listing, listing
from simulacra.actors.data.reconciling.records import (
    FileId,
)
from simulacra.actors.data.reconciling.renames import Findings, Found, Sources, all_gone

_LEFT: Final = b"\0"
"""Ends the path of what is gone where something of another kind is now; no path on disk has it."""


class Import(StrEnum):
    """Why a scan is an import."""

    LOST = "lost"
    EVICTED = "evicted"


def observe(
    findings: Findings,
    index: Index,
    author: Author,
    importing: Import | None = None,
    *,
    deletions: bool = True,
) -> list[Path]:
    """Take what was found into the index: records of the edits, and the base as it is now.

    What lies in a folder that is neither in the base nor among the findings is left for the next
    scan. Returns what is to be put into quarantine, folders before what is in them.

    Args:
        findings: what was found.
        index: what is known.
        author: of the edits.
        importing: why it is an import, if it is one.
        deletions: whether what is gone was deleted; else it may be the source of a renaming, and
            what is not stays in the base at its old path.
    """
    return _Observation(findings, index, author, importing, deletions=deletions).run()


class _Observation:
    """One call of `observe`."""

    def __init__(
        self,
        findings: Findings,
        index: Index,
        author: Author,
        importing: Import | None,
        *,
        deletions: bool,
    ) -> None:
        self._deletions = deletions
        self._found = findings
        self._index = index
        self._importing = importing
        self._gone = set(all_gone(findings, index))
        self._sources = Sources(index, self._gone)
        self._remaining = Remains(index)
        self._extra: list[Path] = []
        self._edits = Edits(index, author)
        self._replaced: list[Row] = []
        self._listed: tuple[FileId, Listing] | None = None

    def run(self) -> list[Path]:
        for path in sorted(self._found, key=_components):
            found = self._found[path]
            if found is not None and path != ROOT:
                self._look(path, found)
        for path in sorted(self._gone, key=_components, reverse=True):
            if self._deletions or _LEFT in path:
                self._miss(path)
        for row in self._replaced:
            self._edits.forsake(row)
        return self._extra

    # -- what is there

    def _look(self, path: Path, found: Found) -> None:
        folder = folder_at(parent(path), self._index)
        if folder is None:
            return
        row = self._index.row(path)
        if row is not None and row.is_folder is not (found.entry.content == FOLDER):
            self._leave(path, row)
            row = None
        if row is None:
            self._appear(folder, path, found)
        row = self._index.row(path)
        if row is not None:
            self._compare(folder, path, row, found)

    def _leave(self, path: Path, row: Row) -> None:
        """What was here is gone, though something of another kind is here now."""
        self._index.move_rows(path, path + _LEFT)
        self._gone.difference_update([each for each in self._gone if is_below(each, path)])
        self._gone.update(all_gone({path + _LEFT: None}, self._index))
        self._edits.leaving.add(row.id)
        self._sources.add(row)

    def _appear(self, folder: FileId, path: Path, found: Found) -> None:
        """Find out what something new is; leaves a row where it is something known."""
        if is_aside_name(name(path)):
            self._appear_aside(folder, path, found)
            return
        if self._belongs(folder, path, found):
            return
        source = self._sources.match(path, found, self._found)
        if source is not None:
            self._rename(source, folder, path)
        elif self._importing and self._remains(folder, path, found):
            return
        elif self._importing is Import.EVICTED:
            self._extra.append(path)
        else:
            self._edits.create(folder, path, found)

    def _appear_aside(self, folder: FileId, path: Path, found: Found) -> None:
        """What was put aside comes back by itself, unless the database that knew of it is lost."""
        source = self._sources.by_inode(found)
        if source is not None:
            self._moved(source, path)
        elif self._importing is Import.EVICTED:
            self._extra.append(path)
        elif self._importing is Import.LOST:
            self._edits.recover(folder, path, found)

    def _compare(self, folder: FileId, path: Path, row: Row, found: Found) -> None:
        """What of a path's content and attributes was changed."""
        if row.copy is not None and found.entry != row.entry:
            self._edits.adopt(folder, path, row, found)
        elif found.entry.content != row.entry.content:
            self._edits.write(folder, path, row, found)
        elif found.entry != row.entry:
            self._edits.set_attributes(path, row, found)
        elif row.fingerprint != found.fingerprint:
            self._edits.show(path, row, found)

    def _belongs(self, folder: FileId, path: Path, found: Found) -> bool:
        """Whether what is new on disk is what is known to belong there; then it is synced."""
        row = self._listing(folder).get(name(path))
        if row is None or row.entry.content != found.entry.content:
            return False
        for at, other in list(self._index.paths(row.id)):
            if other.identity == row.identity and at in self._gone:
                if other.is_folder is not row.is_folder:
                    self._replaced.append(other)
                self._moved(at, path)
                break
            if other.identity == row.identity:
                self._index.drop_row(at)  # something else is there now
        self._edits.show(path, replace(row, entry=found.entry), found)
        return True

    def _listing(self, folder: FileId) -> Listing:
        """What is known to belong into a folder; that of the latest folder is kept."""
        if self._listed is None or self._listed[0] != folder:
            self._listed = folder, listing(folder, self._index)
        return self._listed[1]

    def _remains(self, folder: FileId, path: Path, found: Found) -> bool:
        """Whether something is left from before the records were as they are now."""
        row = self._remaining.find(folder, name(path), found.entry)
        if row is not None:
            self._edits.show(path, row, found)
        return row is not None

    # -- what has another name

    def _rename(self, source: Path, folder: FileId, path: Path) -> None:
        row = self._index.row(source)
        record = None if row is None else self._index.record(row.id)
        if row is None:
            return
        if row.copy is not None or record is None:
            self._edits.settle(row)
            self._gone.discard(source)
            self._index.drop_row(source)
            found = self._found[path]
            if found is not None:
                self._edits.create(folder, path, found)
            return
        renamed = self._edits.rename(record, row, folder, path)
        self._moved(source, path)
        self._index.set_row(path, renamed)

    def _moved(self, source: Path, path: Path) -> None:
        """Something in the base is at another path now, with all in it."""
        self._index.move_rows(source, path)
        inside = [each for each in self._gone if each == source or is_below(each, source)]
        self._gone.difference_update(inside)
        moved = {path + each[len(source) :]: each for each in inside}
        missing = {at: each for at, each in moved.items() if self._found.get(at) is None}
        if self._deletions:
            self._gone.update(missing)
            return
        self._gone.update(missing.values())
        for at, each in missing.items():
            if parent(at) not in missing:
                self._index.move_rows(at, each)

    # -- what is not there

    def _miss(self, path: Path) -> None:
        row = self._index.row(path)
        if row is None:
            return
        self._index.drop_row(path)
        if is_aside_name(name(path)):
            return
        others = list(self._index.paths(row.id))
        if any(other.identity == row.identity for _, other in others):
            self._replaced.append(row)
            return
        if row.copy is not None:
            self._edits.settle(row)
            return
        for at, copy in others:
            self._keep_copy(at, copy)
        self._edits.delete(row)

    def _keep_copy(self, path: Path, row: Row) -> None:
        """Make a copy a file of its own whose original was deleted."""
        folder = folder_at(parent(path), self._index)
        if path in self._gone or folder is None or row.fingerprint is None:
            return
        self._edits.adopt(folder, path, row, Found(row.entry, row.fingerprint))


def _components(path: Path) -> list[bytes]:
    return path.split(b"/")
