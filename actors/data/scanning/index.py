"""What was last observed at each path of a tree: one SQLite file, with one thread that uses it.

The index saves work, and holds nothing that is not in the tree as well: where the file is missing
or damaged a new one takes its place, the damaged one is set aside as ``NAME.damaged``, and the next
full scan fills it. A tree's changes are to be noted elsewhere *before* they are put here: what a
crash keeps out of the index is found again by the next scan, what it kept out of the notes is not.

Rows are committed by `BATCH`; each batch is on the disk wholly or not at all, and they are there in
the order in which they were put. A row below a folder is there only while the folder's own row is,
as long as those who use the index put a folder first and remove it last.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, Final

import msgpack

from simulacra.actors.data.entries import ROOT, Path, join, name, parent
from simulacra.actors.data.scanning.rows import Row, from_values, packed_inode, to_values

SCHEMA: Final = 1
BATCH: Final = 1000
"""Rows a commit."""

_TABLES: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE folders (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE entries (
    folder INTEGER NOT NULL, name BLOB NOT NULL,
    fingerprint BLOB NOT NULL, settled INTEGER NOT NULL, entry BLOB NOT NULL,
    PRIMARY KEY (folder, name)) WITHOUT ROWID;
CREATE INDEX by_inode ON entries (substr(fingerprint, 1, 16));
"""
_NO_DISK: Final = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_BUSY", "SQLITE_CANT")


class IndexDamagedError(Exception):
    """The index is not what was written: `Index.renew` it and scan everything."""


class IndexUnusableError(Exception):
    """The index can be neither read nor written, or is of a newer Simulacra; says what to do."""


class Index:
    """The index of one tree on this host.

    Args:
        path: the file; made where there is none.

    Attributes:
        is_new: whether it was made anew, so that nothing is known of what was there before: what is
            missing now can only be told by what else is known of the tree.
        damage: what was wrong with the one that was set aside, or None.

    Raises:
        IndexUnusableError: it can be neither read nor made.
        OSError: its folder cannot be made, or what is damaged not be set aside.
    """

    def __init__(self, path: FilePath) -> None:
        self._path = path
        self._waiting = 0
        self._most = BATCH
        self.damage: str | None = None
        self.is_new = not path.exists()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._open()
        except IndexDamagedError as error:
            self.renew(str(error))

    def _open(self) -> None:
        with self._guarded():
            self._database = sqlite3.connect(self._path, isolation_level=None)
        try:
            with self._guarded():
                self._prepare()
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        self._execute("PRAGMA journal_mode = WAL")
        self._execute("PRAGMA synchronous = NORMAL")
        [(schema,)] = self._execute("PRAGMA user_version")
        if schema > SCHEMA:
            raise IndexUnusableError(
                f"{self._path} was written by a newer Simulacra (schema {schema}, this one reads "
                f"{SCHEMA}): upgrade this host, or remove the file; then everything is read again"
            )
        if schema == 0:
            self._database.executescript(
                f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;"
            )
            self.is_new = True
        [(said,)] = self._execute("PRAGMA quick_check(1)")
        if said != "ok":
            raise IndexDamagedError(f"{self._path}: {said}")
        self._execute(
            "CREATE TEMP TABLE doubts (folder BLOB, name BLOB, ignored INTEGER,"
            " PRIMARY KEY (folder, name)) WITHOUT ROWID"
        )

    def renew(self, damage: str) -> None:
        """Set the file aside and begin with an empty one.

        Args:
            damage: what is wrong with it.

        Raises:
            IndexUnusableError: no new one can be made.
        """
        self.close()
        aside = self._path.with_name(self._path.name + ".damaged")
        with contextlib.suppress(FileNotFoundError):
            self._path.replace(aside)
        for ending in ("-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        self.damage, self.is_new, self._waiting = damage, True, 0
        try:
            self._open()
        except IndexDamagedError as error:
            raise IndexUnusableError(f"no index can be made at {self._path}: {error}") from error

    def close(self) -> None:
        """Let go of the file; what was put since the last commit is not kept."""
        self._database.close()

    # -- reading

    def fingerprints(self, folder: Path) -> dict[bytes, bytes | None]:
        """All names in a folder: fingerprint (see `rows.packed`), or None while not settled."""
        with self._guarded():
            rows = self._execute(
                "SELECT name, iif(settled, fingerprint, NULL) FROM entries WHERE folder ="
                " (SELECT id FROM folders WHERE path = ?)",
                folder,
            )
            return dict(rows)

    def row(self, path: Path) -> Row | None:
        """What was observed at a path."""
        with self._guarded():
            for values in self._execute(
                "SELECT fingerprint, settled, entry FROM entries WHERE name = ? AND folder ="
                " (SELECT id FROM folders WHERE path = ?)",
                name(path),
                parent(path),
            ):
                return from_values(*values)
        return None

    def rows(self, folder: Path, after: bytes = b"", limit: int = BATCH) -> dict[bytes, Row]:
        """Up to ``limit`` rows of a folder in the order of names, from after a name on."""
        with self._guarded():
            found = self._execute(
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
        with self._guarded():
            for (folder,) in self._execute(
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
        with self._guarded():
            found = self._execute(
                "SELECT path, name, fingerprint, settled, entry FROM entries"
                " JOIN folders ON folders.id = folder WHERE substr(fingerprint, 1, 16) = ?"
                " LIMIT 10",
                packed_inode(device, inode),
            )
            return {join(folder, each): from_values(*values) for folder, each, *values in found}

    def linked_below(self, path: Path) -> set[Path]:
        """The folders where there were other names of files that were somewhere in a folder."""
        with self._guarded():
            found = self._execute(
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
        with self._guarded():
            return int(next(self._execute("SELECT count(*) FROM entries"))[0])

    def is_empty(self) -> bool:
        """Whether nothing was observed yet."""
        with self._guarded():
            return self._execute("SELECT 1 FROM entries LIMIT 1").fetchone() is None

    def fact(self, name: str) -> Any:
        """A fact, or None; see `put_fact`."""
        with self._guarded():
            for (value,) in self._execute("SELECT value FROM facts WHERE name = ?", name):
                return msgpack.unpackb(value)
        return None

    # -- writing

    def put(self, folder: Path, rows: Mapping[bytes, Row]) -> None:
        """Say what is at names of a folder now."""
        with self._writing(len(rows)):
            self._execute("INSERT OR IGNORE INTO folders (path) VALUES (?)", folder)
            number = self._number(folder)
            self._database.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)",
                [(number, each, *to_values(row)) for each, row in rows.items()],
            )

    def remove(self, folder: Path, names: Iterable[bytes]) -> None:
        """Say that nothing is at names of a folder; those below them are to be removed first."""
        number = self._number(folder)
        values = [(number, each) for each in names]
        with self._writing(len(values)):
            self._database.executemany("DELETE FROM entries WHERE folder = ? AND name = ?", values)
            self._execute(
                "DELETE FROM folders WHERE id = ? AND NOT EXISTS"
                " (SELECT 1 FROM entries WHERE folder = ?)",
                number,
                number,
            )

    def move(self, source: Path, target: Path) -> None:
        """Say that what is at a path was moved, with all below it; at the target was nothing."""
        with self._writing(1):
            self._drop(target)
            self._execute("INSERT OR IGNORE INTO folders (path) VALUES (?)", parent(target))
            self._execute(
                "UPDATE entries SET folder = ?, name = ? WHERE folder = ? AND name = ?",
                self._number(parent(target)),
                name(target),
                self._number(parent(source)),
                name(source),
            )
            self._execute(
                "UPDATE folders SET path = CAST(? || substr(path, ?) AS BLOB)"
                " WHERE path = ? OR (path > ? AND path < ?)",
                target,
                len(source) + 1,
                *_range(source),
            )
        self.remove(parent(source), [name(source)])

    def _drop(self, path: Path) -> None:
        """Whatever it says of a path and of what is below it."""
        self._execute(
            "DELETE FROM entries WHERE folder IN"
            " (SELECT id FROM folders WHERE path = ? OR (path > ? AND path < ?))",
            *_range(path),
        )
        self._execute(
            "DELETE FROM folders WHERE path = ? OR (path > ? AND path < ?)", *_range(path)
        )
        self._execute(
            "DELETE FROM entries WHERE folder = ? AND name = ?",
            self._number(parent(path)),
            name(path),
        )

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Let rows wait for `commit` alone meanwhile, however many they are."""
        self._most = sys.maxsize
        try:
            yield
        finally:
            self._most = BATCH

    def put_fact(self, name: str, value: Any) -> None:
        """Keep plain data under a name."""
        with self._writing(1):
            self._execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, msgpack.packb(value))

    def commit(self) -> None:
        """Put on the disk what waits for it.

        Raises:
            IndexUnusableError: the disk refuses; what waited is forgotten, and found again.
        """
        with self._guarded():
            if self._database.in_transaction:
                self._execute("COMMIT")
            self._waiting = 0

    # -- doubts of a scan, kept here so that they take no memory

    def doubt(self, folder: Path, names: Mapping[bytes, bool]) -> None:
        """Keep names that have rows, and were not seen or (True) are ignored."""
        if not names:
            return
        with self._writing(0):
            self._database.executemany(
                "INSERT OR REPLACE INTO temp.doubts VALUES (?, ?, ?)",
                [(folder, each, ignored) for each, ignored in names.items()],
            )

    def doubts(self, after: tuple[Path, bytes] | None) -> list[tuple[Path, bytes, bool]]:
        """The next `BATCH` doubts after one: folder, name, whether it is ignored."""
        with self._guarded():
            found = self._execute(
                "SELECT folder, name, ignored FROM temp.doubts WHERE (folder, name) > (?, ?)"
                " ORDER BY folder, name LIMIT ?",
                *(after or (ROOT, b"")),
                BATCH,
            )
            return [(folder, each, bool(ignored)) for folder, each, ignored in found]

    def forget_doubts(self) -> None:
        """Have no doubts."""
        with self._guarded():
            self._execute("DELETE FROM temp.doubts")

    def count_doubted(self) -> int:
        """How many rows are at and below names that are in doubt and not ignored."""
        with self._guarded():
            [(count,)] = self._execute("SELECT count(*) FROM temp.doubts WHERE NOT ignored")
            paths = self._execute(
                "WITH doubted (path) AS (SELECT CAST(iif(folder = x'', name,"
                " folder || x'2f' || name) AS BLOB) FROM temp.doubts WHERE NOT ignored)"
                " SELECT (SELECT count(*) FROM entries WHERE folder = folders.id)"
                " FROM doubted CROSS JOIN folders WHERE folders.path = doubted.path OR"
                " (folders.path >= CAST(doubted.path || x'2f' AS BLOB)"
                " AND folders.path < CAST(doubted.path || x'30' AS BLOB))"
            )
            return int(count) + sum(int(below) for (below,) in paths)

    # -- SQLite

    def _number(self, folder: Path) -> int | None:
        with self._guarded():
            for (number,) in self._execute("SELECT id FROM folders WHERE path = ?", folder):
                return int(number)
        return None

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._database.execute(statement, values)

    @contextlib.contextmanager
    def _writing(self, rows: int) -> Iterator[None]:
        with self._guarded():
            if not self._database.in_transaction:
                self._execute("BEGIN IMMEDIATE")
            yield
        self._waiting += rows
        if self._waiting >= self._most:
            self.commit()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._roll_back()
            code = getattr(error, "sqlite_errorname", "")
            if not code.startswith(_NO_DISK):
                raise IndexDamagedError(f"{self._path}: {error}") from error
            raise IndexUnusableError(
                f"what is in the tree cannot be noted in {self._path}: {error}. What was noted"
                " before is untouched; is there room on the disk? df -h"
            ) from error

    def _roll_back(self) -> None:
        self._waiting = 0
        with contextlib.suppress(sqlite3.Error):  # it is the first error that tells
            if self._database.in_transaction:
                self._execute("ROLLBACK")


def _range(path: Path) -> tuple[Path, Path, Path]:
    """A path, and what the paths below it are between."""
    return path, path + b"/", path + b"0"
