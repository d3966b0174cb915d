"""The catalogue of versions (SQLite): what each was, and where and when it was displaced."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Final

import msgpack

from simulacra.actors.data.entries import Attributes, Content, Entry, Kind, Path
from simulacra.actors.databases import open_database

_STEPS: Final = (
    """
    CREATE TABLE versions (
        number INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL, at_ns INTEGER NOT NULL,
        size INTEGER NOT NULL, entry BLOB NOT NULL, has_file INTEGER NOT NULL
    );
    CREATE INDEX versions_of_path ON versions (path);
    CREATE INDEX versions_by_age ON versions (at_ns);
    """,
    """
    ALTER TABLE versions ADD COLUMN digest BLOB;
    CREATE INDEX versions_by_content ON versions (digest);
    """,
)
_HOLDING: Final = "SELECT number FROM versions WHERE digest = ? AND has_file ORDER BY number DESC"


@dataclass(frozen=True, slots=True)
class Version:
    """What is kept.

    Attributes:
        number: its name, never given again.
        path: where it was in the tree.
        at_ns: when it was displaced, nanoseconds since the epoch.
        size: bytes that it takes on the disk.
        entry: what it was.
    """

    number: int
    path: Path
    at_ns: int
    size: int
    entry: Entry


class Catalogue:
    """See the module; for one thread at a time.

    Args:
        path: its file, made if need be.

    Raises:
        DatabaseError: it cannot be opened.
        sqlite3.Error: the disk fails; as all methods do.
    """

    def __init__(self, path: FilePath) -> None:
        self._db, _ = open_database(path, _STEPS, "the catalogue of versions", any_thread=True)
        self._db.execute("PRAGMA synchronous = FULL")

    def add(self, versions: Iterable[tuple[Path, int, int, Entry]]) -> list[int]:
        """Have versions in it, each path, time, size and entry, on the disk; their numbers."""
        with self._db:
            return [self._insert(None, *version) for version in versions]

    def add_found(self, number: int, path: Path, at_ns: int, size: int, entry: Entry) -> None:
        """Have a version in it that has its number already."""
        with self._db:
            self._insert(number, path, at_ns, size, entry)

    def of(self, path: Path) -> list[Version]:
        """The versions of a path, the newest first."""
        return self._select("WHERE path = ? ORDER BY number DESC", path)

    def latest(self, most: int) -> list[Version]:
        """The newest versions, so many at most, the newest first."""
        return self._select("ORDER BY number DESC LIMIT ?", most)

    def find(self, number: int) -> Version | None:
        """The version with a number."""
        return next(iter(self._select("WHERE number = ?", number)), None)

    def numbers(self) -> dict[int, bool]:
        """Which there are, and whether they have a file."""
        rows = self._db.execute("SELECT number, has_file FROM versions")
        return {number: bool(has_file) for number, has_file in rows}

    def over(self, most_bytes: int, since_ns: int) -> list[tuple[int, bytes]]:
        """Those that were displaced earlier, and the oldest that are over a limit of bytes.

        Of each its number, and what its content is called.
        """
        rows = self._db.execute(
            "SELECT number, size, digest, at_ns < ? FROM versions ORDER BY number", (since_ns,)
        ).fetchall()
        excess = sum(row[1] for row in rows) - most_bytes
        found = []
        for number, size, digest, is_old in rows:
            if is_old or excess > 0:
                found.append((number, digest or b""))
                excess -= size
        return found

    def forget(self, numbers: Iterable[int]) -> None:
        """Have versions no longer in it."""
        rows = [(number,) for number in numbers]
        if rows:
            with self._db:
                self._db.executemany("DELETE FROM versions WHERE number = ?", rows)

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def _select(self, which: str, argument: object) -> list[Version]:
        rows = self._db.execute(
            f"SELECT number, path, at_ns, size, entry FROM versions {which}",  # noqa: S608
            (argument,),
        )
        return [_version(row) for row in rows]

    def _insert(self, number: int | None, path: Path, at_ns: int, size: int, entry: Entry) -> int:
        has_file = entry.content.kind is Kind.FILE
        done = self._db.execute(
            "INSERT INTO versions (number, path, at_ns, size, entry, has_file, digest)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, path, at_ns, size, _packed(entry), has_file, entry.content.digest),
        )
        assert done.lastrowid is not None  # noqa: S101 - after an insert there is one
        return done.lastrowid


def holding(path: FilePath, digest: bytes) -> list[int]:
    """The versions with a file that had a content, the newest first; for who only reads.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as db:
        return [number for (number,) in db.execute(_HOLDING, (digest,))]


def _packed(entry: Entry) -> bytes:
    content, attributes = entry.content, entry.attributes
    return msgpack.packb(  # type: ignore[no-any-return]
        [
            [content.kind.value, content.size, content.digest, content.target],
            [attributes.mode, attributes.mtime_ns, attributes.xattrs],
        ]
    )


def _version(row: tuple[Any, ...]) -> Version:
    number, path, at_ns, size, packed = row
    (kind, *rest), (mode, mtime_ns, xattrs) = msgpack.unpackb(packed, use_list=False)
    entry = Entry(Content(Kind(kind), *rest), Attributes(mode, mtime_ns, xattrs))
    return Version(number, path, at_ns, size, entry)
