"""What a host keeps of the focus on its disk: its journal and the highest epoch that it saw.

One SQLite file in WAL mode, synced with every commit: what was saved is there after a power cut,
and what was being saved is there wholly or not at all. Every entry is kept with the rolling hash
after it, so that damage anywhere is found when the file is read, and said.

The store has a *life*, drawn when the file is made. Numbers are given by life, so a host that lost
its disk, or went back to an older copy of it, must not go on with the life of before
(`renew_life`).
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulacra.actors.cluster.epochs import NO_EPOCH, Epoch
from simulacra.actors.cluster.journal import EMPTY, Base, Entry, Journal, chain
from simulacra.actors.cluster.lattice import pack
from simulacra.actors.cluster.tidings import Save
from simulacra.actors.databases import DatabaseError, bring_forward

_STEPS: Final = (
    """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE entries (seq INTEGER PRIMARY KEY, hash TEXT NOT NULL, entry TEXT NOT NULL);
INSERT INTO facts VALUES ('life', lower(hex(randomblob(4))));
""",
)

_NO_DISK: Final = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_BUSY")
"""What the disk says, not the file."""


class DamagedStoreError(Exception):
    """The file cannot be read as what was written, or not be written; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was read.

    Attributes:
        life: of the store.
        epoch: the highest seen.
        journal: the records.
    """

    life: str
    epoch: Epoch
    journal: Journal


class FocusStore:
    """The file of one host; used by one thread.

    Args:
        path: the file; made if there is none.

    Raises:
        DamagedStoreError: it is no such file, or of a newer Simulacra.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        try:
            with self._guarded():
                self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        try:
            bring_forward(self._database, self._path, _STEPS, "the journal of the focus")
        except DatabaseError as error:
            raise DamagedStoreError(str(error)) from error

    def renew_life(self) -> str:
        """Draw a new life: after the file was put back from a copy, before it is used."""
        life = secrets.token_hex(4)
        with self._transaction():
            self._put("life", life)
        return life

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # -- reading

    def load(self) -> Kept:
        """Read everything, and check it.

        Raises:
            DamagedStoreError: something is not as it was written; says what.
        """
        with self._guarded():
            facts: dict[str, str] = dict(self._database.execute("SELECT name, value FROM facts"))
            life = facts["life"]
            epoch = Epoch.from_plain(json.loads(facts["epoch"])) if "epoch" in facts else NO_EPOCH
            base = _base(json.loads(facts["base"])) if "base" in facts else EMPTY
            return Kept(life, epoch, Journal(base, list(self._entries(base))))

    def _entries(self, base: Base) -> Iterator[Entry]:
        before, expected = base.hash, base.seq + 1
        rows = self._database.execute("SELECT seq, hash, entry FROM entries ORDER BY seq")
        for seq, after, packed in rows:
            entry = Entry.from_plain(json.loads(packed))
            before = chain(before, entry)
            if (seq, after) != (expected, before) or entry.seq != seq:
                raise ValueError(f"entry {expected} is missing or is not what was written")
            expected += 1
            yield entry

    # -- writing

    def save(self, saves: Iterable[Save]) -> None:
        """Put some saves on the disk, together; they are there when this returns.

        Raises:
            DamagedStoreError: the file cannot be written any more.
        """
        with self._guarded(), self._transaction():
            for save in saves:
                self._save(save)

    def _save(self, save: Save) -> None:
        if save.base is not None:
            base = save.base
            plain = [base.seq, base.hash, base.epoch.to_plain(), base.state]
            self._put("base", [*plain, _digest(plain)])
            self._put("end", base.hash)
            self._database.execute("DELETE FROM entries")
        for entry in save.entries:
            after = chain(self._end(), entry)
            row = (entry.seq, after, pack(entry.to_plain()).decode())
            self._database.execute("INSERT INTO entries VALUES (?, ?, ?)", row)
        if save.epoch is not None:
            self._put("epoch", save.epoch.to_plain())

    def _end(self) -> str:
        last = "SELECT hash FROM entries ORDER BY seq DESC LIMIT 1"
        for (after,) in self._database.execute(last):
            return str(after)
        for (packed,) in self._database.execute("SELECT value FROM facts WHERE name = 'end'"):
            return str(json.loads(packed))
        return EMPTY.hash

    def _put(self, name: str, plain: Any) -> None:
        text = plain if isinstance(plain, str) and name == "life" else pack(plain).decode()
        self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, text))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:  # a full disk has ended it already
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith(_NO_DISK):
                raise self._damaged(error) from error
            raise DamagedStoreError(
                f"the records of the focus cannot be kept in {self._path}: {error}. They are as "
                "they were before; is there room on the disk? df -h"
            ) from error
        except (sqlite3.DatabaseError, KeyError, ValueError, TypeError, IndexError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamagedStoreError:
        return DamagedStoreError(
            f"the records of the focus in {self._path} are damaged: {error}. The other hosts "
            f"have copies: type: mv {self._path} {self._path}.damaged; then: simulacra up"
        )


def _digest(plain: list[Any]) -> str:
    return chain("", Entry(0, NO_EPOCH, "", "", {"base": plain}, 0))


def _base(told: list[Any]) -> Base:
    *plain, digest = told
    if _digest(plain) != digest:
        raise ValueError("the base is not what was written")
    return Base(plain[0], plain[1], Epoch.from_plain(plain[2]), plain[3])
