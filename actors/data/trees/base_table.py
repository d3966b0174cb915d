"""The base of a journal: what was synced at each path of a tree, on disk and partly in memory.

What was set is kept in memory until it is flushed, which is not yet a commit: whoever has the
journal commits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from simulacra.actors.data.entries import ROOT, Path, parent
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.records import FileId
from simulacra.actors.data.trees.journal_tables import one, portions
from simulacra.actors.data.trees.packing import pack_row, unpack_row


class BaseTable:
    """See the module; it is the `index.Base` of one tree on this host.

    Args:
        database: the journal's.

    Attributes:
        changes: how often the base was changed on the disk; see `in_step`.
        dirty: the folders that are to be planned.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self.changes = 0
        self.dirty = {folder for (folder,) in self._db.execute("SELECT folder FROM dirty")}
        self._forget_rows()

    def row(self, path: Path) -> Row | None:
        """See `index.Base`."""
        if path not in self._rows:
            # Of a folder that is new nothing is asked but once.
            if path != ROOT and path not in self._paths_in(parent(path)):
                return None
            self._rows[path] = one(
                unpack_row, self._db.execute("SELECT row FROM base WHERE path = ?", (path,))
            )
        return self._rows[path]

    def rows_in(self, folder: Path) -> Iterable[tuple[Path, Row]]:
        """See `index.Base`."""
        paths = self._paths_in(folder)
        if any(path not in self._rows for path in paths):
            found = self._db.execute("SELECT path, row FROM base WHERE parent = ?", (folder,))
            for path, row in found:
                if path in paths and path not in self._rows:
                    self._rows[path] = unpack_row(row)
        return self._rows_at(paths)

    def paths(self, id: FileId) -> Iterable[tuple[Path, Row]]:  # noqa: A002
        """See `index.Base`."""
        return self._rows_at(self._paths_of(id))

    def set_row(self, path: Path, row: Row) -> None:
        """See `index.Base`; a folder that shows something else now becomes dirty."""
        before = self.row(path)
        if before is not None and before.id != row.id:
            self._paths_of(before.id).pop(path, None)
        if before is None:
            self._paths_in(parent(path))[path] = None
        self._paths_of(row.id)[path] = None
        self._rows[path] = row
        self._new_rows[path] = row
        if row.is_folder and (before is None or before.id != row.id):
            self.dirty.add(row.id)

    def drop_row(self, path: Path) -> None:
        """See `index.Base`."""
        before = self.row(path)
        if before is not None:
            self._paths_in(parent(path)).pop(path, None)
            self._paths_of(before.id).pop(path, None)
            self._rows[path] = None
            self._new_rows[path] = None

    def move_rows(self, source: Path, target: Path) -> None:
        """See `index.Base`."""
        self._flush()
        below = self._db.execute(
            "SELECT path FROM base WHERE path = ? OR (path > ? AND path < ?)",
            (source, source + b"/", source + b"0"),
        )
        rows = self._rows_at([path for (path,) in below.fetchall()])
        for path, _ in rows:
            self.drop_row(path)
        for path, row in rows:
            self.set_row(target + path[len(source) :], row)

    def base(self) -> Iterator[tuple[Path, Row]]:
        """All rows, by path; nothing may be put meanwhile."""
        self._flush()
        for path, row in self._db.execute("SELECT path, row FROM base ORDER BY path"):
            yield path, unpack_row(row)

    def _rows_at(self, paths: Iterable[Path]) -> list[tuple[Path, Row]]:
        found = ((path, self.row(path)) for path in list(paths))
        return [(path, row) for path, row in found if row is not None]

    def _paths_in(self, folder: Path) -> dict[Path, None]:
        if folder not in self._within:
            self._flush()
            found = self._db.execute("SELECT path FROM base WHERE parent = ?", (folder,))
            self._within[folder] = {path: None for (path,) in found if path}
        return self._within[folder]

    def _paths_of(self, id: FileId) -> dict[Path, None]:  # noqa: A002
        if id not in self._showing:
            self._flush()
            found = self._db.execute("SELECT path FROM base WHERE id = ?", (id,))
            self._showing[id] = {path: None for (path,) in found}
        return self._showing[id]

    def holders(self, digest: bytes) -> list[Path]:
        """Where a content was on this disk when last written down, ten paths at most."""
        found = self._db.execute("SELECT path FROM base WHERE digest = ? LIMIT 10", (digest,))
        return [path for (path,) in found]

    def held(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of some contents that were on this disk when last written down."""
        held: set[bytes] = set()
        for some in portions(digests):
            marks = ",".join("?" * len(some))
            found = self._db.execute(f"SELECT digest FROM base WHERE digest IN ({marks})", some)  # noqa: S608
            held.update(digest for (digest,) in found)
        return held

    # -- the disk

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def _flush(self) -> None:
        """Write what is new, without a commit."""
        if not self._new_rows:
            return
        self._begin()
        self.changes += 1
        rows = [
            (path, parent(path), row.id, row.entry.content.digest, pack_row(row))
            for path, row in self._new_rows.items()
            if row is not None
        ]
        self._db.executemany("INSERT OR REPLACE INTO base VALUES (?, ?, ?, ?, ?)", rows)
        gone = [(path,) for path, row in self._new_rows.items() if row is None]
        self._db.executemany("DELETE FROM base WHERE path = ?", gone)
        self._new_rows.clear()

    def _forget_rows(self) -> None:
        self._rows: dict[Path, Row | None] = {}
        self._within: dict[Path, dict[Path, None]] = {}
        self._showing: dict[FileId, dict[Path, None]] = {}
        self._new_rows: dict[Path, Row | None] = {}
