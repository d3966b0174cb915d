"""What this host knows of a tree, on disk: the records, the base, and how far it has heard whom.

Each record that is put gets the next number of this journal's *sequence*; others ask for what came
after a number (`changes`). What was put is kept in memory until `commit`, which writes all of it in
one transaction: after a crash all of it is there, or none. One thread writes; a
`journal_reader.JournalReader` is for others, and sees what was committed.

A journal that is new (or was damaged, and set aside) begins another incarnation of its host, whose
number is in a file beside it, and is to be told what others know before the first scan is taken for
edits (`importing`). So is one that was put back from an old copy: its author's next numbers have
been given out before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path as FilePath
from typing import Any, Final

import msgpack

from simulacra.actors.cluster.clock import Clock, Stamp
from simulacra.actors.data.entries import Path
from simulacra.actors.data.reconciling.contested import contested_by
from simulacra.actors.data.reconciling.dots import Author, Context, Replica, join
from simulacra.actors.data.reconciling.merging import merge
from simulacra.actors.data.reconciling.placing import displaced
from simulacra.actors.data.reconciling.projecting import around
from simulacra.actors.data.reconciling.records import FileId, Record
from simulacra.actors.data.trees.base_table import BaseTable
from simulacra.actors.data.trees.journal_tables import STEPS, one, portions, unpacked
from simulacra.actors.data.trees.packing import (
    pack_context,
    pack_record,
    unpack_context,
    unpack_record,
)
from simulacra.actors.databases import open_database
from simulacra.actors.private_files import replace_private

_REMEMBERED: Final = 40_000
"""Records and rows that are kept in memory; where there are more, it begins anew."""


class Journal(BaseTable):
    """See the module; it is the `index.Index` of one tree on this host.

    Args:
        path: the database; made where there is none.
        host: this host's name.

    Attributes:
        author: gives this replica's events.
        importing: whether the next scan is of a replica that lost its database.
        last: the number of the latest change here.
        changes: how often the base was changed on the disk; see `in_step`.
        vector: all that was heard of, from whomever.
        leaving: what is being taken from the disk as it is left out there, see `leaving_out`.
        dirty: the folders that are to be planned.

    Raises:
        DatabaseError, OSError: it cannot be opened.
    """

    def __init__(self, path: FilePath, host: str) -> None:
        database, is_new = open_database(path, STEPS, "the journal of a tree", any_thread=True)
        database.isolation_level = None
        super().__init__(database)
        facts = {} if is_new else dict(self._db.execute("SELECT name, value FROM facts"))
        said: dict[str, Any] = {name: unpacked(value) for name, value in facts.items()}
        self._host = host
        self.last = int(said.get("last", 0))
        self.changes = self._committed = int(said.get("changes", 0))
        self.vector: Context = unpack_context(said.get("vector", ()))
        self.importing = bool(said.get("importing", True))
        self.leaving: tuple[Path, ...] = said.get("leaving", ())
        self._cursors = unpack_context(said.get("cursors", ()))
        self._displaced: frozenset[FileId] = frozenset(said.get("displaced", ()))
        self._written_dirty = set(self.dirty)
        self._incarnations = path.with_name("incarnation")
        self._forget_cached()
        if "replica" in said:
            clock = Clock()
            clock.last = Stamp(*said["clock"])
            self.author = Author(Replica(*said["replica"]), said["author"], clock)
        else:
            self.author = self._new_author()
            self.commit()

    def _new_author(self) -> Author:
        """Another incarnation than any that this host is known to have had; noted beforehand."""
        had = [replica.incarnation for replica in self.vector if replica.host == self._host]
        incarnation = 1 + max([_noted(self._incarnations), *had])
        replace_private(self._incarnations, str(incarnation))
        return Author(Replica(self._host, incarnation))

    def close(self) -> None:
        """Let go of the file; what was put since the last commit is not kept."""
        self._db.close()

    def begin_again(self) -> None:
        """Go on as another incarnation: this database was put back from an old copy.

        Its base is that of an older disk, and says nothing of this one.
        """
        self._flush()
        self._begin()
        self._db.execute("DELETE FROM base")
        self._forget_cached()
        self.author = self._new_author()
        self.importing = True
        self.commit()

    @property
    def mark(self) -> tuple[str, int, int]:
        """Tells this base from another one, and from itself after it was changed on the disk."""
        return (*self.author.replica, self.changes)

    def commit_known(self) -> bool:
        """Put what is known on the disk, unless the base was changed since the last commit.

        Returns:
            Whether the base on the disk is this one.

        Raises:
            sqlite3.Error: the disk does not take it.
        """
        if self._new_rows or self.changes != self._committed:
            return False
        self.commit()
        return True

    # -- known

    def record(self, id: FileId) -> Record | None:  # noqa: A002
        """See `index.Known`."""
        if id not in self._records:
            self._records[id] = one(
                unpack_record, self._db.execute("SELECT record FROM records WHERE id = ?", (id,))
            )
        return self._records[id]

    def located(self, folder: FileId) -> Collection[Record]:
        """See `index.Known`."""
        ids = self._ids_in(folder)
        if not ids:
            return ()
        self.prepare(ids)
        found = map(self.record, ids)
        return [record for record in found if record is not None]

    def prepare(self, ids: Iterable[FileId]) -> None:
        """Read at once all that is going to be asked of some ids: one by one takes far longer."""
        wanted = [each for each in ids if each not in self._records or each not in self._showing]
        if not wanted:
            return
        self._flush()
        self._forget_some()
        for some in portions(wanted):
            marks = ",".join("?" * len(some))
            records = dict(
                self._db.execute(f"SELECT id, record FROM records WHERE id IN ({marks})", some)  # noqa: S608 - marks
            )
            holding = {
                each
                for (each,) in self._db.execute(
                    f"SELECT DISTINCT folder FROM records WHERE folder IN ({marks})",  # noqa: S608
                    some,
                )
            }
            for each in some:
                if each not in self._records:
                    packed = records.get(each)
                    self._records[each] = None if packed is None else unpack_record(packed)
                if each not in holding:
                    self._located.setdefault(each, {})
                self._showing.setdefault(each, {})
            for which, path in self._db.execute(
                f"SELECT id, path FROM base WHERE id IN ({marks})",  # noqa: S608
                some,
            ):
                self._showing[which][path] = None

    def displaced(self) -> Collection[FileId]:
        """See `index.Known`."""
        return self._displaced

    def put(self, record: Record) -> None:
        """See `index.Index`; the folders that depend on it become dirty."""
        ids = {record.id, *self._displaced}
        before = self.record(record.id)
        if before is not None or self._displaced:
            self.dirty |= around(ids, self)
        folder = record.location.value.folder
        if before is not None:
            self._ids_in(before.location.value.folder).pop(record.id, None)
            self._had.add(record.id)
        self._ids_in(folder)[record.id] = None
        self._records[record.id] = record
        self.last += 1
        self._new_records[record.id] = self.last
        self._packed.pop(record.id, None)
        if before is None or before.location != record.location:
            self._displaced = displaced([record.id], self)
        self.dirty |= around(ids | self._displaced, self)
        self._new_contested |= contested_by(record, self)

    def take(self, record: Record, packed: bytes | None = None) -> bool:
        """Merge what another replica knows; whether anything of it was new.

        Args:
            record: what it knows.
            packed: the same, as it packed it, where that is at hand.
        """
        mine = self.record(record.id)
        merged = record if mine is None else merge(mine, record)
        if merged == mine:
            return False
        self.put(merged)
        if mine is None and packed is not None:
            self._packed[record.id] = packed
        return True

    def forget(self, id: FileId) -> None:  # noqa: A002
        """Drop a tombstone that every member has acknowledged."""
        record = self.record(id)
        if record is not None:
            self._flush()
            self._ids_in(record.location.value.folder).pop(id, None)
            self._records[id] = None
            self._begin()
            self._db.execute("DELETE FROM records WHERE id = ?", (id,))
            self._db.execute("DELETE FROM contested WHERE id = ?", (id,))

    def contested(self, after: int = 0) -> list[FileId]:
        """The records that may be in conflict, of those that were changed after a number."""
        self._flush()
        found = self._db.execute(
            "SELECT id FROM contested JOIN records USING (id) WHERE n > ?", (after,)
        )
        return [id for (id,) in found]  # noqa: A001

    def changed_after(self, n: int, limit: int) -> list[tuple[int, FileId]]:
        """The records that were changed after a number, so many at most, by their numbers."""
        self._flush()
        self._forget_some()
        return self._db.execute(
            "SELECT n, id FROM records WHERE n > ? ORDER BY n LIMIT ?", (n, limit)
        ).fetchall()

    def _ids_in(self, folder: FileId) -> dict[FileId, None]:
        if folder not in self._located:
            self._flush()
            found = self._db.execute("SELECT id FROM records WHERE folder = ?", (folder,))
            self._located[folder] = {id: None for (id,) in found}  # noqa: A001
        return self._located[folder]

    def lacking(self, id: FileId) -> frozenset[bytes]:  # noqa: A002
        """The extended attributes of something that this host's disk could not keep."""
        found = self._db.execute("SELECT names FROM lacking WHERE id = ?", (id,))
        return one(lambda names: frozenset(unpacked(names)), found) or frozenset()

    def set_lacking(self, id: FileId, names: Iterable[bytes]) -> None:  # noqa: A002
        """Note what of something this host's disk could not keep."""
        now = frozenset(names)
        if now != self.lacking(id):
            self._begin()
            self._db.execute("DELETE FROM lacking WHERE id = ?", (id,))
            if now:
                packed = msgpack.packb(sorted(now))
                self._db.execute("INSERT INTO lacking VALUES (?, ?)", (id, packed))

    # -- what others ask for, and what was heard of them

    def cursor(self, replica: Replica) -> int:
        """Up to which number of another's journal this one has all."""
        n: int = self._cursors.get(replica, 0)
        return n

    def heard(self, replica: Replica, n: int, vector: Context | None = None) -> None:
        """All up to a number of another's journal is here.

        Args:
            replica: whose.
            n: the number.
            vector: all that it had heard of, if that was its last number then.
        """
        self._cursors[replica] = max(n, self.cursor(replica))
        if vector is not None:
            # Who has heard of a replica that wrote nothing yet has heard something as well.
            self.vector = {**dict.fromkeys(vector, 0), **join(self.vector, vector)}

    def wrote(self) -> None:
        """What this replica wrote is known here, of course; also that it is nothing yet."""
        replica = self.author.replica
        self.vector = join({replica: 0, **self.vector}, {replica: self.author.n})

    def put_manifest(self, digest: bytes, manifest: bytes) -> None:
        """Keep the manifest of a large file."""
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO manifests VALUES (?, ?)", (digest, manifest))

    def manifest(self, digest: bytes) -> bytes | None:
        """The manifest of a large file."""
        found = self._db.execute("SELECT manifest FROM manifests WHERE digest = ?", (digest,))
        return one(bytes, found)

    # -- the disk

    def commit(self) -> None:
        """Put all changes on the disk.

        Raises:
            sqlite3.Error: they are not, as when it is full; they are still to be written.
        """
        self._flush()
        self._begin()
        self._write_facts()
        self._db.execute("COMMIT")
        self._committed = self.changes
        self._forget_some()

    def _write_facts(self) -> None:
        facts = {
            "replica": tuple(self.author.replica),
            "author": self.author.n,
            "clock": tuple(self.author.clock.last),
            "last": self.last,
            "changes": self.changes,
            "vector": pack_context(self.vector),
            "importing": self.importing,
            "leaving": self.leaving,
            "cursors": pack_context(self._cursors),
            "displaced": sorted(self._displaced),
        }
        self._db.executemany(
            "INSERT OR REPLACE INTO facts VALUES (?, ?)",
            [(name, msgpack.packb(value)) for name, value in facts.items()],
        )
        added, gone = self.dirty - self._written_dirty, self._written_dirty - self.dirty
        self._db.executemany("INSERT INTO dirty VALUES (?)", [(each,) for each in added])
        self._db.executemany("DELETE FROM dirty WHERE folder = ?", [(each,) for each in gone])
        self._written_dirty = set(self.dirty)

    def _flush(self) -> None:
        """Write what is new, without a commit."""
        if self._new_records or self._new_contested:
            self._flush_records()
        super()._flush()

    def _flush_records(self) -> None:
        self._begin()
        packed = self._packed
        records = [
            (n, id, record.location.value.folder, packed.get(id) or pack_record(record))
            for id, n in self._new_records.items()  # noqa: A001
            if (record := self._records[id]) is not None
        ]
        self._db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", records)
        self._flush_contested()
        self._new_records.clear()
        self._new_contested.clear()
        self._packed.clear()
        self._had.clear()

    def _flush_contested(self) -> None:
        rows = [(id,) for id in self._new_contested]  # noqa: A001
        self._db.executemany("INSERT OR IGNORE INTO contested VALUES (?)", rows)
        gone = [(id,) for id in self._had - self._new_contested]  # noqa: A001
        self._db.executemany("DELETE FROM contested WHERE id = ?", gone)

    def _forget_some(self) -> None:
        """Keep no more in memory than is to be; what was put is written."""
        if len(self._records) + len(self._rows) > _REMEMBERED:
            self._forget_cached()

    def _forget_cached(self) -> None:
        self._forget_rows()
        self._records: dict[FileId, Record | None] = {}
        self._located: dict[FileId, dict[FileId, None]] = {}
        self._new_records: dict[FileId, int] = {}
        self._new_contested: set[FileId] = set()
        self._packed: dict[FileId, bytes] = {}
        self._had: set[FileId] = set()


def _noted(file: FilePath) -> int:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return 0
