"""The tables of a journal's database, and how their values are read.

====================  ============================================================================
table                 has
====================  ============================================================================
facts                 what there is one of, by name
records               all that is known, by the number of its latest change here (`journal`)
contested             the ids of those records that may be in conflict
base                  what was synced, by path (`base_table`)
dirty                 the ids of the folders that are to be planned
manifests             of large files, by their digests
lacking               extended attributes that this host's disk could not keep, by id
====================  ============================================================================
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

import msgpack

T = TypeVar("T")

STEPS: Final = (
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE records (
        id BLOB PRIMARY KEY, folder BLOB NOT NULL, n INTEGER NOT NULL UNIQUE, record BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX located ON records (folder);
    CREATE TABLE base (
        path BLOB PRIMARY KEY, parent BLOB NOT NULL, id BLOB NOT NULL, digest BLOB NOT NULL,
        row BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX within ON base (parent);
    CREATE INDEX showing ON base (id);
    CREATE INDEX contents ON base (digest);
    CREATE TABLE dirty (folder BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE manifests (digest BLOB PRIMARY KEY, manifest BLOB NOT NULL);
    """,
    """
    CREATE TABLE contested (id BLOB PRIMARY KEY) WITHOUT ROWID;
    INSERT INTO contested SELECT id FROM records;
    """,
    """
    CREATE TABLE lacking (id BLOB PRIMARY KEY, names BLOB NOT NULL) WITHOUT ROWID;
    """,
    # By number, new ones come at the end of the table.
    """
    ALTER TABLE records RENAME TO records_by_id;
    DROP INDEX located;
    CREATE TABLE records (
        n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, folder BLOB NOT NULL, record BLOB NOT NULL
    );
    INSERT INTO records SELECT n, id, folder, record FROM records_by_id ORDER BY n;
    DROP TABLE records_by_id;
    CREATE INDEX located ON records (folder);
    """,
)
AT_ONCE: Final = 500
"""Values of one query; SQLite takes 999 at least."""


def portions(values: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Values by `AT_ONCE`."""
    wanted = list(values)
    for begin in range(0, len(wanted), AT_ONCE):
        yield wanted[begin : begin + AT_ONCE]


def one(unpack: Callable[[bytes], T], found: sqlite3.Cursor) -> T | None:
    """The one value that was found, unpacked; None if there is none."""
    value = found.fetchone()
    return None if value is None else unpack(value[0])


def unpacked(value: bytes) -> Any:
    """A fact as it was put."""
    return msgpack.unpackb(value, use_list=False)
