"""What was committed to a journal, for threads other than the one that writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath

from simulacra.actors.data.entries import Fingerprint, Path
from simulacra.actors.data.reconciling.dots import Replica
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.records import FileId, Record
from simulacra.actors.data.trees.journal_tables import AT_ONCE, one, unpacked
from simulacra.actors.data.trees.packing import (
    unpack_context,
    unpack_fingerprint,
    unpack_record,
    unpack_row,
)


class JournalReader:
    """What was committed to a journal, for threads other than the one that writes.

    It is an `index.Known`; what is asked within `at_once` is of one moment.

    Args:
        path: the database.
    """

    def __init__(self, path: FilePath) -> None:
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def changes(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """The packed records that were changed after a number, by their numbers."""
        return self._db.execute(
            "SELECT n, record FROM records WHERE n > ? ORDER BY n LIMIT ?", (after, limit)
        ).fetchall()

    def state(self) -> tuple[Replica, int, dict[Replica, int]]:
        """Which replica this is, the number of its latest change, and what it has heard of."""
        facts = dict(self._db.execute("SELECT name, value FROM facts"))
        return (
            Replica(*unpacked(facts["replica"])),
            int(unpacked(facts["last"])),
            unpack_context(unpacked(facts["vector"])),
        )

    def records(self) -> Iterator[Record]:
        """All records, in the order in which they were changed."""
        after = 0
        while found := self.changes(after, AT_ONCE):
            yield from (unpack_record(record) for _, record in found)
            after = found[-1][0]

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Have all that is asked meanwhile answered as of one commit."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.rollback()

    def record(self, id: FileId) -> Record | None:  # noqa: A002
        """See `index.Known`."""
        return one(
            unpack_record, self._db.execute("SELECT record FROM records WHERE id = ?", (id,))
        )

    def cursors(self) -> dict[Replica, int]:
        """Up to which numbers the journals of others are here."""
        found = self._db.execute("SELECT value FROM facts WHERE name = 'cursors'").fetchone()
        return {} if found is None else unpack_context(unpacked(found[0]))

    def shows(self, id: FileId, digest: bytes) -> bool:  # noqa: A002
        """Whether a thing is on the disk with a content."""
        found = self._db.execute("SELECT 1 FROM base WHERE id = ? AND digest = ?", (id, digest))
        return found.fetchone() is not None

    def located(self, folder: FileId) -> list[Record]:
        """See `index.Known`."""
        found = self._db.execute("SELECT record FROM records WHERE folder = ?", (folder,))
        return [unpack_record(record) for (record,) in found]

    def displaced(self) -> Collection[FileId]:
        """See `index.Known`."""
        found = self._db.execute("SELECT value FROM facts WHERE name = 'displaced'")
        return frozenset(one(unpacked, found) or ())

    def contested(self) -> list[FileId]:
        """The records that may be in conflict; see `contested`."""
        return [id for (id,) in self._db.execute("SELECT id FROM contested")]  # noqa: A001

    def row(self, path: Path) -> Row | None:
        """See `index.Base`."""
        return one(unpack_row, self._db.execute("SELECT row FROM base WHERE path = ?", (path,)))

    def holders(self, digest: bytes) -> list[tuple[Path, Fingerprint | None]]:
        """Where a content is on this disk, and what `stat` said there; ten paths at most."""
        found = self._db.execute("SELECT path, row FROM base WHERE digest = ? LIMIT 10", (digest,))
        return [(path, unpack_fingerprint(row)) for path, row in found]

    def manifest(self, digest: bytes) -> bytes | None:
        """The manifest of a large file."""
        found = self._db.execute("SELECT manifest FROM manifests WHERE digest = ?", (digest,))
        return one(bytes, found)
