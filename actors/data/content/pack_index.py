"""Packs in a folder, and an index (SQLite) of where in them each chunk's record is.

A record is appended to the last pack and then indexed, both without waiting for the disk; `sync`
waits. Killed in between, what a pack has behind what the index knows is read when the folder is
opened, and indexed or cut off. So is every pack that the index does not know, as when the index was
damaged: it holds nothing that the packs do not. After a power cut the index may know what no pack
has: that is forgotten, or found when the record is verified.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from simulacra.actors.data.content.descriptors import read_at, write_at
from simulacra.actors.data.content.packs import Found, scan
from simulacra.actors.databases import open_database
from simulacra.actors.private_files import sync_folder

PACK_BYTES: Final = 32 * 1024 * 1024
"""A pack that has so many is not appended to."""

_STEPS: Final = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
    INSERT INTO meta VALUES ('syncs', 0);
    CREATE TABLE packs (number INTEGER PRIMARY KEY, size INTEGER NOT NULL);
    CREATE TABLE chunks (
        hash BLOB PRIMARY KEY, pack INTEGER NOT NULL, position INTEGER NOT NULL,
        size INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX chunks_of_pack ON chunks (pack);
    """,
)
_ASKED: Final = 500
"""Hashes that are looked up at once."""

_MOST_OPEN: Final = 16
_CACHE_KIB: Final = 16 * 1024
_NAME: Final = re.compile(r"[0-9a-f]{8}\.pack")


class PackIndex:
    """See the module; for one thread at a time.

    Args:
        folder: where, made if need be; for one process at a time.

    Raises:
        DatabaseError: the index cannot be opened.
        OSError, sqlite3.Error: the disk fails; as all methods do.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._db, _ = open_database(
            folder / "index.sqlite", _STEPS, "the index of chunks", any_thread=True
        )
        self._unsynced: set[int] = set()
        self._uses = 0
        self._last_use: dict[int, int] = {}
        self._open: dict[int, int] = {}
        try:
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._sizes = self._reconcile()
            # Whoever wrote them may have been killed before it synced them.
            self._unsynced.update(self._sizes)
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """Bytes of all packs."""
        return sum(self._sizes.values())

    def size_of(self, number: int) -> int:
        """Bytes of a pack."""
        return self._sizes[number]

    def by_last_use(self) -> list[int]:
        """The packs, the one first that was not used for longest."""
        return sorted(self._sizes, key=lambda number: (self._last_use.get(number, 0), number))

    def there(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Those of some chunks that are indexed."""
        asked = iter(hashes)
        there: set[bytes] = set()
        while some := tuple(islice(asked, _ASKED)):
            marks = ",".join("?" * len(some))
            rows = self._db.execute(f"SELECT hash FROM chunks WHERE hash IN ({marks})", some)  # noqa: S608 - marks alone
            there.update(row[0] for row in rows)
        return there

    def read(self, chunk_hash: bytes) -> bytes | None:
        """What is where a chunk's record should be, unverified; None where it is not indexed."""
        row = self._db.execute(
            "SELECT pack, position, size FROM chunks WHERE hash = ?", (chunk_hash,)
        ).fetchone()
        if row is None:
            return None
        number, position, size = row
        self._use(number)
        try:
            return read_at(self._opened(number), size, position)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.EIO}:
                raise
            return b""  # the disk has lost it

    def forget(self, chunk_hash: bytes) -> None:
        """Have a chunk no longer in the index."""
        with self._db:
            self._db.execute("DELETE FROM chunks WHERE hash = ?", (chunk_hash,))

    def append(self, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Add records of chunks, each with its chunk's hash; all of them, or none."""
        self._append(self._last_pack(), records)

    def sync(self) -> None:
        """Return when what was appended is on the disk."""
        if not self._unsynced:
            return
        for number in self._unsynced:
            os.fdatasync(self._opened(number))
        sync_folder(self._folder)
        # The rows were committed without waiting; this waits for them too.
        self._db.execute("PRAGMA synchronous = FULL")
        try:
            with self._db:
                self._db.execute("UPDATE meta SET value = value + 1 WHERE name = 'syncs'")
        finally:
            self._db.execute("PRAGMA synchronous = NORMAL")
        self._unsynced.clear()

    def records_of(self, number: int) -> list[Found]:
        """Where the records of a pack are, by position."""
        rows = self._db.execute(
            "SELECT hash, position, size FROM chunks WHERE pack = ? ORDER BY position", (number,)
        )
        return [Found(*row) for row in rows]

    def drop(self, number: int, stay: Sequence[Found]) -> None:
        """Remove a pack; those of its records that are to stay are copied and synced before."""
        target = self._last_pack(other_than=number)
        if stay:
            old = self._opened(number)
            records = [(one.hash, read_at(old, one.size, one.position)) for one in stay]
            self._append(target, records)
            self.sync()
        # The file first: on a full disk that makes the room for the rest. What the index says of
        # it, should this be killed, is forgotten when the folder is opened.
        self._shut(number)
        self._path(number).unlink(missing_ok=True)
        self._unsynced.discard(number)
        self._last_use.pop(number, None)
        del self._sizes[number]
        with self._db:
            self._db.execute("DELETE FROM chunks WHERE pack = ?", (number,))
            self._db.execute("DELETE FROM packs WHERE number = ?", (number,))

    def close(self) -> None:
        """Close the index and the packs."""
        for number in tuple(self._open):
            self._shut(number)
        self._db.close()

    # -- opening

    def _reconcile(self) -> dict[int, int]:
        """Make index and packs agree; the bytes of each pack."""
        known: dict[int, int] = dict(self._db.execute("SELECT number, size FROM packs"))
        sizes: dict[int, int] = {}
        for path in sorted(self._folder.iterdir()):
            if not _NAME.fullmatch(path.name):
                continue
            number, size = int(path.stem, 16), path.stat().st_size
            indexed = known.pop(number, 0)
            if size > indexed:
                size = self._index_rest(number, indexed)
            elif size < indexed:
                self._forget_behind(number, size)
            sizes[number] = size
        for number in known:
            self._forget_behind(number, 0)
        return sizes

    def _index_rest(self, number: int, indexed: int) -> int:
        """Index what a pack has from some byte on, cut off what is no record; its size then."""
        descriptor = self._opened(number)
        rest = read_at(descriptor, os.fstat(descriptor).st_size - indexed, indexed)
        found = [one._replace(position=indexed + one.position) for one in scan(rest)]
        end = found[-1].position + found[-1].size if found else indexed
        with self._db:
            self._db.executemany(
                "INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?)",
                [(one.hash, number, one.position, one.size) for one in found],
            )
            self._set_size(number, end)
        os.ftruncate(descriptor, end)
        return end

    def _forget_behind(self, number: int, end: int) -> None:
        with self._db:
            self._db.execute(
                "DELETE FROM chunks WHERE pack = ? AND position + size > ?", (number, end)
            )
            self._set_size(number, end)

    # -- packs

    def _append(self, number: int, records: Sequence[tuple[bytes, bytes]]) -> None:
        start = end = self._sizes.get(number, 0)
        rows = []
        for chunk_hash, record in records:
            rows.append((chunk_hash, number, end, len(record)))
            end += len(record)
        descriptor = self._opened(number, os.O_CREAT)
        try:
            write_at(descriptor, [record for _, record in records], start)
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?)", rows)
                self._set_size(number, end)
        except BaseException:
            # Where this fails too: it is written over, or cut off at the next opening.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, start)
            raise
        self._sizes[number] = end
        self._unsynced.add(number)
        self._use(number)

    def _last_pack(self, *, other_than: int = 0) -> int:
        last = max(self._sizes, default=1)
        full = self._sizes.get(last, 0) >= PACK_BYTES
        return last + 1 if full or last == other_than else last

    def _set_size(self, number: int, size: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO packs VALUES (?, ?)", (number, size))

    def _use(self, number: int) -> None:
        self._uses += 1
        self._last_use[number] = self._uses

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08x}.pack"

    def _opened(self, number: int, more: int = 0) -> int:
        """A descriptor of a pack; the packs last opened stay open."""
        descriptor = self._open.get(number)
        if descriptor is None:
            while len(self._open) >= _MOST_OPEN:
                self._shut(next(iter(self._open)))
            descriptor = os.open(self._path(number), os.O_RDWR | os.O_CLOEXEC | more, 0o600)
            self._open[number] = descriptor
        return descriptor

    def _shut(self, number: int) -> None:
        descriptor = self._open.pop(number, None)
        if descriptor is not None:
            os.close(descriptor)
