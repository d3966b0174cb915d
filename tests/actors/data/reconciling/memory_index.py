"""An index in memory: the simplest that keeps the promises of `reconciling.index`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from simulacra.actors.data.entries import ROOT, Path, is_below, parent
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.merging import merge
from simulacra.actors.data.reconciling.placing import displaced
from simulacra.actors.data.reconciling.projecting import around
from simulacra.actors.data.reconciling.records import FileId, Record


class MemoryIndex:
    """Tables of one replica of a tree.

    Attributes:
        records: by id.
        rows: by path.
        sequence: when each record was last changed here.
        dirty: the folders that are to be planned.
    """

    def __init__(self) -> None:
        self.records: dict[FileId, Record] = {}
        self.rows: dict[Path, Row] = {}
        self.sequence: dict[FileId, int] = {}
        self.dirty: set[FileId] = set()
        self._last = 0
        self._displaced: frozenset[FileId] = frozenset()
        self._located: dict[FileId, dict[FileId, None]] = {}
        self._in: dict[Path, dict[Path, None]] = {}
        self._of: dict[FileId, dict[Path, None]] = {}

    # -- known

    def record(self, which: FileId) -> Record | None:
        return self.records.get(which)

    def located(self, folder: FileId) -> Collection[Record]:
        return [self.records[each] for each in self._located.get(folder, ())]

    def displaced(self) -> Collection[FileId]:
        return self._displaced

    def put(self, record: Record) -> None:
        ids = {record.id, *self._displaced}
        before = self.records.get(record.id)
        self.dirty |= around(ids, self)
        if before is not None:
            del self._located[before.location.value.folder][record.id]
        self.records[record.id] = record
        self._located.setdefault(record.location.value.folder, {})[record.id] = None
        self._displaced = displaced([record.id], self)
        self.dirty |= around(ids | self._displaced, self)
        self._last += 1
        self.sequence[record.id] = self._last

    def forget(self, which: FileId) -> None:
        """Drop a tombstone."""
        record = self.records.pop(which)
        del self._located[record.location.value.folder][which]
        del self.sequence[which]

    def take(self, record: Record) -> None:
        """Merge what another replica knows."""
        mine = self.records.get(record.id)
        merged = record if mine is None else merge(mine, record)
        if merged != mine:
            self.put(merged)

    # -- base

    def row(self, path: Path) -> Row | None:
        return self.rows.get(path)

    def rows_in(self, folder: Path) -> Iterable[tuple[Path, Row]]:
        return [(path, self.rows[path]) for path in self._in.get(folder, ())]

    def paths(self, which: FileId) -> Iterable[tuple[Path, Row]]:
        return [(path, self.rows[path]) for path in self._of.get(which, ())]

    def set_row(self, path: Path, row: Row) -> None:
        assert path != ROOT
        self.drop_row(path)
        self.rows[path] = row
        self._in.setdefault(parent(path), {})[path] = None
        self._of.setdefault(row.id, {})[path] = None
        if row.is_folder:
            self.dirty.add(row.id)

    def drop_row(self, path: Path) -> None:
        row = self.rows.pop(path, None)
        if row is not None:
            del self._in[parent(path)][path]
            del self._of[row.id][path]

    def move_rows(self, source: Path, target: Path) -> None:
        moved = [path for path in self.rows if path == source or is_below(path, source)]
        rows = [(path, self.rows[path]) for path in moved]
        for path in moved:
            self.drop_row(path)
        for path, row in rows:
            self.set_row(target + path[len(source) :], row)
