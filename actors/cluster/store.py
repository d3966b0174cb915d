"""The directory on disk: a SQLite database (WAL, mode 0600) that holds the logs of a replica.

1. What this host says itself is on disk before it is told, so that no number is given twice. What
   others said is written without waiting for the disk: they tell it again.
2. A file that is damaged, or cut off, is set aside beside where it was, and this host begins a new
   life; its facts come back from the others.
3. The schema has a number. An older file is brought forward step by step when it is opened; a
   newer one is refused.
4. Where the disk takes nothing, as when it is full, the replica goes on in memory, and all of it is
   written anew when that succeeds.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Self

import msgpack

from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Fact, Origin
from simulacra.actors.cluster.origins import Log
from simulacra.actors.cluster.outcomes import Outcome
from simulacra.actors.databases import (
    DamagedError,
    DatabaseError,
    bring_forward,
    check,
    make_private,
    set_aside,
)

_STEPS: Final = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
    CREATE TABLE origins (
        id INTEGER PRIMARY KEY, host TEXT NOT NULL, key TEXT NOT NULL, life INTEGER NOT NULL,
        floor INTEGER NOT NULL, UNIQUE (host, key, life)
    );
    CREATE TABLE facts (
        origin INTEGER NOT NULL REFERENCES origins (id),
        kind TEXT NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (origin, kind, subject, name)
    ) WITHOUT ROWID;
    """,
)
"""What brings a file from one schema number to the next."""

_WHAT: Final = "the directory"
_PATIENCE: Final = 5.0
_LIFE_BITS: Final = 62

logger = logging.getLogger(__name__)


class StoreError(Exception):
    """The directory cannot be read or written; the text says why and what to do."""


def new_life() -> int:
    """A number that no life had before."""
    return secrets.randbits(_LIFE_BITS)


class Store:
    """See the module; to be used by the thread that made it.

    Args:
        path: the file; it is made when it is not there.

    Attributes:
        life: the life of this host that the file is of.
        logs: what the file held when it was opened.

    Raises:
        StoreError: it cannot be opened, or a newer software wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._open()
        except DatabaseError as error:
            raise StoreError(str(error)) from error
        except (DamagedError, sqlite3.DatabaseError) as error:
            # A lock or a full disk is no damage.
            if isinstance(error, sqlite3.OperationalError):
                raise StoreError(f"the directory {path} cannot be opened: {error}") from error
            aside = set_aside(path)
            logger.error(  # noqa: TRY400 - the reason is in the text
                "the directory %s is damaged (%s): it was put aside as %s. This host begins a new "
                "life, and its facts come back from the other hosts; to use a backup instead, stop "
                "the node and type simulacra restore FILE",
                path,
                error,
                aside.name,
            )
            self._open()

    def keep(self, outcome: Outcome, life: int, *, durable: bool) -> None:
        """Write what followed from something.

        Args:
            outcome: what followed.
            life: this host's life now.
            durable: return only when it is on the disk.

        Raises:
            StoreError: the disk does not take it; from then on only `rewrite` will do.
        """
        try:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with self._db:
                self._write(outcome.facts, outcome.removed, outcome.floors)
                self._set_life(life)
        except sqlite3.Error as error:
            raise self._not_written(error) from error

    def rewrite(self, logs: Iterable[Log], life: int) -> None:
        """Write everything anew.

        Raises:
            StoreError: the disk does not take it.
        """
        logs = list(logs)
        try:
            self._db.execute("PRAGMA synchronous = FULL")
            with self._db:
                self._db.execute("DELETE FROM facts")
                self._db.execute("DELETE FROM origins")
                self._ids.clear()
                self._write(
                    [fact for log in logs for fact in log],
                    [],
                    {log.origin: log.floor for log in logs},
                )
                self._set_life(life)
        except sqlite3.Error as error:
            raise self._not_written(error) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- opening

    def _open(self) -> None:
        is_new = make_private(self.path, _WHAT)
        self._db = sqlite3.connect(self.path, timeout=_PATIENCE)
        try:
            if not is_new:
                check(self._db)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            bring_forward(self._db, self.path, _STEPS, _WHAT)
            self._ids = self._read_ids()
            self.logs = self._read_logs()
            self.life = self._read_life()
        except BaseException:
            self._db.close()
            raise

    def _read_ids(self) -> dict[Origin, int]:
        rows = self._db.execute("SELECT host, key, life, id FROM origins")
        return {Origin(host, key, life): number for host, key, life, number in rows}

    def _read_logs(self) -> list[Log]:
        floors = dict(self._db.execute("SELECT id, floor FROM origins"))
        facts: dict[Origin, list[Fact]] = {origin: [] for origin in self._ids}
        origins = {number: origin for origin, number in self._ids.items()}
        for number, data in self._db.execute("SELECT origin, data FROM facts"):
            origin = origins[number]
            facts[origin].append(_read(origin, data))
        return [Log(origin, facts[origin], floors[self._ids[origin]]) for origin in facts]

    def _read_life(self) -> int:
        row = self._db.execute("SELECT value FROM meta WHERE name = 'life'").fetchone()
        if row is not None:
            return int(row[0])
        life = new_life()
        with self._db:
            self._set_life(life)
        return life

    # -- writing

    def _set_life(self, life: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('life', ?)", (life,))

    def _write(
        self, facts: Iterable[Fact], removed: Iterable[Fact], floors: dict[Origin, int]
    ) -> None:
        self._db.executemany(
            "DELETE FROM facts WHERE origin = ? AND kind = ? AND subject = ? AND name = ?",
            [(self._id(fact.origin), *fact.key) for fact in removed],
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?)",
            [(self._id(fact.origin), *fact.key, msgpack.packb(fact.to_plain())) for fact in facts],
        )
        self._db.executemany(
            "UPDATE origins SET floor = ? WHERE id = ?",
            [(floor, self._id(origin)) for origin, floor in floors.items()],
        )

    def _id(self, origin: Origin) -> int:
        if origin not in self._ids:
            done = self._db.execute(
                "INSERT INTO origins (host, key, life, floor) VALUES (?, ?, ?, 0)", origin
            )
            assert done.lastrowid is not None  # noqa: S101 - after an insert there is one
            self._ids[origin] = done.lastrowid
        return self._ids[origin]

    def _not_written(self, error: sqlite3.Error) -> StoreError:
        return StoreError(
            f"the directory {self.path} cannot be written ({error}): make room on the disk, or "
            "make the file writable; until then what is new is in memory only"
        )


def _read(origin: Origin, data: bytes) -> Fact:
    try:
        plain: Any = msgpack.unpackb(data)
        return Fact.from_plain(origin, plain)
    except (FactError, ValueError, msgpack.UnpackException) as error:
        raise DamagedError(str(error)) from None
