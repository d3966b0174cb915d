"""What was last observed at each path of a tree: one SQLite file, with one thread that uses it.

The index saves work, and holds nothing that is not in the tree as well: where the file is missing
or damaged a new one takes its place (`index_database`), and the next full scan fills it. A tree's
changes are to be noted elsewhere *before* they are put here: what a crash keeps out of the index is
found again by the next scan, what it kept out of the notes is not.

Rows are on the disk in the order in which they were put. A row below a folder is there only while
the folder's own row is, as long as those who use the index put a folder first and remove it last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any, Final

import msgpack

from simulacra.actors.data.entries import Path, join, name, parent
from simulacra.actors.data.scanning.doubts import Doubts
from simulacra.actors.data.scanning.index_database import BATCH, IndexDatabase
from simulacra.actors.data.scanning.rows import Row, from_values, packed_inode, to_values


class Index(IndexDatabase):
    """The index of one tree on this host; see `IndexDatabase` for what it is made with.

    Attributes:
        doubts: of the scan that is under way.
    """

    def __init__(self, path: FilePath) -> None:
        super().__init__(path)
        self.doubts: Final = Doubts(self)

    # -- reading

    def fingerprints(self, folder: Path) -> dict[bytes, bytes | None]:
        """All names in a folder: fingerprint (see `rows.packed`), or None while not settled."""
        with self.guarded():
            rows = self.execute(
                "SELECT name, iif(settled, fingerprint, NULL) FROM entries WHERE folder ="
                " (SELECT id FROM folders WHERE path = ?)",
                folder,
            )
            return dict(rows)

    def row(self, path: Path) -> Row | None:
        """What was observed at a path."""
        with self.guarded():
            for values in self.execute(
                "SELECT fingerprint, settled, entry FROM entries WHERE name = ? AND folder ="
                " (SELECT id FROM folders WHERE path = ?)",
                name(path),
                parent(path),
            ):
                return from_values(*values)
        return None

    def rows(self, folder: Path, after: bytes = b"", limit: int = BATCH) -> dict[bytes, Row]:
        """Up to ``limit`` rows of a folder in the order of names, from after a name on."""
        with self.guarded():
            found = self.execute(
                "SELECT name, fingerprint, settled, entry FROM entries WHERE name > ? AND folder ="
                " (SELECT id FROM folders WHERE path = ?) ORDER BY name LIMIT ?",
                after,
                folder,
                limit,
            )
            return {each: from_values(*values) for each, *values in found}

    def last_folder(self, path: Path, before: Path | None = None) -> Path | None:
        """Of the folders with rows, a path itself and those below it, the last one.

        What is in a folder comes after it. So to go back from one to the one before is to meet
        every folder after all that is in it.
        """
        with self.guarded():
            for (folder,) in self.execute(
                "SELECT path FROM folders WHERE (path = ? OR (path >= ? AND path < ?))"
                " AND path < ? ORDER BY path DESC LIMIT 1",
                path,
                path + b"/",
                path + b"0",  # what comes after "/"
                path + b"0" if before is None else before,
            ):
                return bytes(folder)
        return None

    def at_inode(self, device: int, inode: int) -> dict[Path, Row]:
        """Where a file was observed: more than one path when it has hard links (ten at most)."""
        with self.guarded():
            found = self.execute(
                "SELECT path, name, fingerprint, settled, entry FROM entries"
                " JOIN folders ON folders.id = folder WHERE substr(fingerprint, 1, 16) = ?"
                " LIMIT 10",
                packed_inode(device, inode),
            )
            return {join(folder, each): from_values(*values) for folder, each, *values in found}

    def linked_below(self, path: Path) -> set[Path]:
        """The folders where there were other names of files that were somewhere in a folder."""
        with self.guarded():
            found = self.execute(
                "SELECT DISTINCT there.path FROM folders AS here"
                " JOIN entries ON entries.folder = here.id"
                " JOIN entries AS twin ON twin.folder <> entries.folder"
                " AND substr(twin.fingerprint, 1, 16) = substr(entries.fingerprint, 1, 16)"
                " JOIN folders AS there ON there.id = twin.folder"
                " WHERE here.path = ? OR (here.path > ? AND here.path < ?)",
                *_range(path),
            )
            return {bytes(folder) for (folder,) in found}

    def count(self) -> int:
        """How many paths were observed; takes a while where they are many."""
        with self.guarded():
            return int(next(self.execute("SELECT count(*) FROM entries"))[0])

    def is_empty(self) -> bool:
        """Whether nothing was observed yet."""
        with self.guarded():
            return self.execute("SELECT 1 FROM entries LIMIT 1").fetchone() is None

    def fact(self, name: str) -> Any:
        """A fact, or None; see `put_fact`."""
        with self.guarded():
            for (value,) in self.execute("SELECT value FROM facts WHERE name = ?", name):
                return msgpack.unpackb(value)
        return None

    # -- writing

    def put(self, folder: Path, rows: Mapping[bytes, Row]) -> None:
        """Say what is at names of a folder now."""
        with self.writing(len(rows)):
            self.execute("INSERT OR IGNORE INTO folders (path) VALUES (?)", folder)
            number = self._number(folder)
            self.execute_many(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)",
                [(number, each, *to_values(row)) for each, row in rows.items()],
            )

    def remove(self, folder: Path, names: Iterable[bytes]) -> None:
        """Say that nothing is at names of a folder; those below them are to be removed first."""
        number = self._number(folder)
        values = [(number, each) for each in names]
        with self.writing(len(values)):
            self.execute_many("DELETE FROM entries WHERE folder = ? AND name = ?", values)
            self.execute(
                "DELETE FROM folders WHERE id = ? AND NOT EXISTS"
                " (SELECT 1 FROM entries WHERE folder = ?)",
                number,
                number,
            )

    def move(self, source: Path, target: Path) -> None:
        """Say that what is at a path was moved, with all below it; at the target was nothing."""
        with self.writing(1):
            self._drop(target)
            self.execute("INSERT OR IGNORE INTO folders (path) VALUES (?)", parent(target))
            self.execute(
                "UPDATE entries SET folder = ?, name = ? WHERE folder = ? AND name = ?",
                self._number(parent(target)),
                name(target),
                self._number(parent(source)),
                name(source),
            )
            self.execute(
                "UPDATE folders SET path = CAST(? || substr(path, ?) AS BLOB)"
                " WHERE path = ? OR (path > ? AND path < ?)",
                target,
                len(source) + 1,
                *_range(source),
            )
        self.remove(parent(source), [name(source)])

    def _drop(self, path: Path) -> None:
        """Whatever it says of a path and of what is below it."""
        self.execute(
            "DELETE FROM entries WHERE folder IN"
            " (SELECT id FROM folders WHERE path = ? OR (path > ? AND path < ?))",
            *_range(path),
        )
        self.execute("DELETE FROM folders WHERE path = ? OR (path > ? AND path < ?)", *_range(path))
        self.execute(
            "DELETE FROM entries WHERE folder = ? AND name = ?",
            self._number(parent(path)),
            name(path),
        )

    def put_fact(self, name: str, value: Any) -> None:
        """Keep plain data under a name."""
        with self.writing(1):
            self.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, msgpack.packb(value))

    def _number(self, folder: Path) -> int | None:
        with self.guarded():
            for (number,) in self.execute("SELECT id FROM folders WHERE path = ?", folder):
                return int(number)
        return None


def _range(path: Path) -> tuple[Path, Path, Path]:
    """A path, and what the paths below it are between."""
    return path, path + b"/", path + b"0"
