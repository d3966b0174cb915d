"""What of a tree is to be on this disk: by this host's choice, the ignore files, and its room.

- What an ignore file names is neither brought nor taken away; the next scan forgets what is there.
- What this host's choice, or its room, leaves out is not brought. If it is there it goes, once a
  host in reach that has all of the tree shows the same: the only copy stays.
- A folder stays while something in it does.

The rules of the ignore files are those that a scan goes by. They are read once in each round: what
a new ignore file names may be brought in that same round, and is forgotten by the next scan.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path as FilePath
from typing import Final

from simulacra.actors.data.entries import ROOT, Entry, Kind, Path, join, parent
from simulacra.actors.data.reconciling.dots import Context
from simulacra.actors.data.reconciling.index import Index, Row
from simulacra.actors.data.reconciling.projecting import listing
from simulacra.actors.data.reconciling.records import ROOT_ID, FileId
from simulacra.actors.data.scanning.ignore_files import IgnoreFiles
from simulacra.actors.data.scanning.ignoring import EVERYTHING, Choice, Rules
from simulacra.actors.data.scanning.looking import NotReadError
from simulacra.actors.data.trees.hoarding import Candidate, left_out

_REMEMBERED: Final = 10_000


class Wanting:
    """See the module; `wanted` is a `planning.Policy`'s.

    Args:
        choice: this host's.
        files: the tree's ignore files, read without a choice.
        index: what is known, and on the disk.
        is_elsewhere: whether a host in reach has all of the tree, and shows what is in a context.

    Attributes:
        left_out: the paths of files for which there is no room here.
    """

    def __init__(
        self,
        choice: Choice,
        files: IgnoreFiles,
        index: Index,
        is_elsewhere: Callable[[Context], bool],
    ) -> None:
        self.left_out: Collection[Path] = frozenset()
        self._choice = choice
        self._chosen = Rules(choice)
        self._files = files
        self._index = index
        self._is_elsewhere = is_elsewhere
        self._rules: dict[Path, Rules | None] = {}
        self._staying: set[Path] = set()

    def begin(self) -> None:
        """A round begins: ignore files may be others now, and other hosts may show more."""
        self._rules.clear()

    def staying(self) -> set[FileId]:
        """The folders with something that was to go and had to stay, since this was asked last."""
        staying, self._staying = self._staying, set()
        rows = (self._index.row(folder) for folder in staying - {ROOT})
        return {row.id for row in rows if row is not None} | (
            {ROOT_ID} if ROOT in staying else set()
        )

    def wanted(self, path: Path, entry: Entry) -> bool:
        """Whether a path with this entry is to be here."""
        if self._is_ignored(path, entry):
            return self._index.row(path) is not None
        if not self._is_unwanted(path, entry):
            return True
        row = self._index.row(path)
        if row is None or not self._must_stay(path, row):
            return False
        self._staying.add(parent(path))
        return True

    def wants_all(self, folder: Path) -> bool:
        """Whether no path in a folder is ignored or left out, for all that can be said at once."""
        if self._choice is not EVERYTHING or self.left_out:
            return False
        rules = self._rules_in(folder)
        return rules is not None and rules.are_none

    def is_unwanted(self, path: Path, entry: Entry) -> bool:
        """Whether something is known, and left out here."""
        return not self._is_ignored(path, entry) and self._is_unwanted(path, entry)

    def _is_unwanted(self, path: Path, entry: Entry) -> bool:
        content = entry.content
        if self._choice is not EVERYTHING:
            largest = self._choice.largest
            if largest is not None and content.kind is Kind.FILE and content.size > largest:
                return True
            if self._chosen.ignore_way(path, folder=content.kind is Kind.FOLDER):
                return True
        return path in self.left_out

    def _must_stay(self, path: Path, row: Row) -> bool:
        """Whether this host may have the only copy of something, or of what is in it."""
        if row.is_folder:
            return any(self._must_stay(at, each) for at, each in list(self._index.rows_in(path)))
        record = self._index.record(row.id)
        return record is None or row.copy is not None or not self._is_elsewhere(record.context)

    # -- room

    def review(
        self, root: FilePath, hoard: Choice | None, room: int | None, recent: int | None, now: int
    ) -> set[FileId]:
        """Find out for which files there is no room; the folders of the tree.

        Args:
            root: the tree's root on the disk.
            hoard: what was asked for by name; None for nothing.
            room: see `hoarding.left_out`, as the others.
            recent: nanoseconds.
            now: the time.
        """
        self.left_out = frozenset()
        files: list[Candidate] = []
        folders = {ROOT_ID}
        pending = [(ROOT, ROOT_ID)]
        while pending:
            folder, which = pending.pop()
            for name, row in listing(which, self._index).items():
                path = join(folder, name)
                if row.is_folder:
                    folders.add(row.id)
                    pending.append((path, row.id))
                elif room is not None and not self._is_unwanted(path, row.entry):
                    files.append(self._candidate(root, hoard, path, row.entry))
        self.left_out = left_out(files, room, recent, now)
        return folders

    def _candidate(
        self, root: FilePath, hoard: Choice | None, path: Path, entry: Entry
    ) -> Candidate:
        here = self._index.row(path) is not None
        used = max(entry.attributes.mtime_ns, _used(root, path) if here else 0)
        hoarded = hoard is not None and not hoard.ignores(os.fsdecode(path))
        return Candidate(used, entry.content.size, path, here, hoarded)

    # -- ignore files

    def _is_ignored(self, path: Path, entry: Entry) -> bool:
        rules = self._rules_in(parent(path))
        if rules is None:
            return True
        return not rules.are_none and rules.ignores(path, folder=entry.content.kind is Kind.FOLDER)

    def _rules_in(self, folder: Path) -> Rules | None:
        """The rules in a folder, or the nearest above it that is on the disk; None if ignored."""
        if folder not in self._rules:
            if len(self._rules) >= _REMEMBERED:
                self._rules.clear()
            self._rules[folder] = self._read(folder)
        return self._rules[folder]

    def _read(self, folder: Path) -> Rules | None:
        try:
            return self._files.rules_in(folder)
        except NotReadError:
            return Rules() if folder == ROOT else self._rules_in(parent(folder))


def _used(root: FilePath, path: Path) -> int:
    """When a file on the disk was read last; 0 where nobody can say."""
    try:
        return (root / os.fsdecode(path)).lstat().st_atime_ns
    except OSError:
        return 0
