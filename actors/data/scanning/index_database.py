"""The SQLite file of an index: opened, or made anew where it is damaged, and written by batches.

A damaged file is set aside as ``NAME.damaged``, and an empty one takes its place. Rows are
committed by `BATCH`; each batch is on the disk wholly or not at all.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any, Final

from simulacra.actors.databases import DatabaseError, bring_forward

BATCH: Final = 1000
"""Rows a commit."""

STEPS: Final = (
    """
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE folders (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE entries (
    folder INTEGER NOT NULL, name BLOB NOT NULL,
    fingerprint BLOB NOT NULL, settled INTEGER NOT NULL, entry BLOB NOT NULL,
    PRIMARY KEY (folder, name)) WITHOUT ROWID;
CREATE INDEX by_inode ON entries (substr(fingerprint, 1, 16));
""",
)
_NO_DISK: Final = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_BUSY", "SQLITE_CANT")


class IndexDamagedError(Exception):
    """The index is not what was written: `Index.renew` it and scan everything."""


class IndexUnusableError(Exception):
    """The index can be neither read nor written, or is of a newer Simulacra; says what to do."""


class IndexDatabase:
    """See the module; used by one thread.

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
        with self.guarded():
            self._connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            with self.guarded():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")
        try:
            before = bring_forward(self._connection, self._path, STEPS, "the index of a tree")
        except DatabaseError as error:
            raise IndexUnusableError(
                f"{error}; or remove the file, then everything is read again"
            ) from error
        self.is_new = self.is_new or before == 0
        [(said,)] = self.execute("PRAGMA quick_check(1)")
        if said != "ok":
            raise IndexDamagedError(f"{self._path}: {said}")
        self.execute(
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
        self._connection.close()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Let rows wait for `commit` alone meanwhile, however many they are."""
        self._most = sys.maxsize
        try:
            yield
        finally:
            self._most = BATCH

    def commit(self) -> None:
        """Put on the disk what waits for it.

        Raises:
            IndexUnusableError: the disk refuses; what waited is forgotten, and found again.
        """
        with self.guarded():
            if self._connection.in_transaction:
                self.execute("COMMIT")
            self._waiting = 0

    # -- for who reads and writes rows

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Do one statement; within `guarded` or `writing`."""
        return self._connection.execute(statement, values)

    def execute_many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """Do one statement for each of several values; within `writing`."""
        self._connection.executemany(statement, values)

    @contextlib.contextmanager
    def writing(self, rows: int) -> Iterator[None]:
        """Write so many rows in the batch that is under way, and commit it where it is full.

        Raises:
            IndexDamagedError, IndexUnusableError: see `guarded`.
        """
        with self.guarded():
            if not self._connection.in_transaction:
                self.execute("BEGIN IMMEDIATE")
            yield
        self._waiting += rows
        if self._waiting >= self._most:
            self.commit()

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """Say in the index's words what goes wrong with SQLite.

        Raises:
            IndexDamagedError: the file is not what was written.
            IndexUnusableError: the disk refuses.
        """
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
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
