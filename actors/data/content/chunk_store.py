"""Chunks on disk by their hashes, in packs (see `pack_index`), within a limit of bytes.

1. What is put is gathered and appended to a pack: no chunk costs a file or a sync of its own.
   `sync` puts all of it on the disk.
2. What is read is verified. A damaged record is put aside and forgotten, so that the chunk is
   missing and can be fetched again.
3. Packs are dropped whole, the least recently used first, when they would be over the limit. What
   must stay is first copied to another pack and synced. Which chunks those are is asked of whoever
   made the store, when it matters: nothing is counted here that a crash could miscount. To protect
   a chunk, first have that answer name it, and put it then.
4. Where all that is there must stay, putting is refused.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from simulacra.actors.data.content.manifest import LARGEST_CHUNK, hash_of
from simulacra.actors.data.content.pack_index import PackIndex
from simulacra.actors.data.content.packs import DamagedError, pack, unpack

GATHERED_BYTES: Final = 4 * 1024 * 1024

_WORTH: Final = 4
"""A pack is only dropped where that frees this part of it, or more."""

_MOST_ASIDE: Final = 100
"""Damaged records that are kept to be looked at."""

logger = logging.getLogger(__name__)

Keeps = Callable[[Sequence[bytes]], Collection[bytes]]
"""Which of some chunks must stay: all that are wanted, and of which this may be the only copy."""


class ChunkStoreError(Exception):
    """The chunks cannot be read or written; the text says why and what to do."""


class ChunkStoreFullError(ChunkStoreError):
    """The chunks that must stay take up all that the limit allows."""


class ChunkStore:
    """See the module; for any thread.

    Args:
        folder: where, made if need be; for one process at a time.
        limit: bytes that the packs may have together; while one is dropped, one more.
        keeps: says what must stay. It is called with the store locked: it must not use it.

    Raises:
        ChunkStoreError: it cannot be opened.
        DatabaseError: its index cannot be opened.
    """

    def __init__(self, folder: Path, *, limit: int, keeps: Keeps) -> None:
        self._folder = folder
        self._limit = limit
        self._keeps = keeps
        self._lock = threading.Lock()
        self._gathered: dict[bytes, bytes] = {}
        self._gathered_bytes = 0
        with self._telling():
            self._index = PackIndex(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes of all packs, with what was gathered."""
        with self._lock:
            return self._index.size + self._gathered_bytes

    def get(self, chunk_hash: bytes) -> bytes | None:
        """The bytes with this hash, verified; None where they are missing, or damaged.

        Raises:
            ChunkStoreError: the disk fails.
        """
        with self._lock, self._telling():
            record = self._gathered.get(chunk_hash) or self._index.read(chunk_hash)
        if record is None:
            return None
        try:
            return unpack(record, chunk_hash)
        except DamagedError as error:
            with self._lock, self._telling():
                self._put_aside(chunk_hash, record, error)
            return None

    def missing(self, hashes: Iterable[bytes]) -> list[bytes]:
        """Those of some chunks that are not here. One that is may turn out damaged when it is got.

        Raises:
            ChunkStoreError: the disk fails.
        """
        asked = list(hashes)
        with self._lock, self._telling():
            there = self._index.there(asked) | self._gathered.keys()
        return [one for one in asked if one not in there]

    def put(self, chunk_hash: bytes, data: bytes, *, squeeze: bool = True) -> None:
        """Keep a chunk, once; it is on the disk after `sync`.

        Args:
            chunk_hash: its name.
            data: its bytes, up to `manifest.LARGEST_CHUNK`.
            squeeze: try whether compressing it pays; it costs several times the rest.

        Raises:
            ValueError: it has another hash, or it is too large.
            ChunkStoreFullError: see there. What was put since the last `sync` may be missing.
            ChunkStoreError: the disk does not take it; the same.
        """
        if len(data) > LARGEST_CHUNK or hash_of(data) != chunk_hash:
            raise ValueError("these bytes are not the chunk that they are said to be")
        record = pack(chunk_hash, data, squeeze=squeeze)
        with self._lock:
            if chunk_hash in self._gathered:
                return
            self._gathered[chunk_hash] = record
            self._gathered_bytes += len(record)
            if self._gathered_bytes >= GATHERED_BYTES:
                self._write_gathered()

    def sync(self) -> None:
        """Return when everything that was put is on the disk.

        Raises:
            ChunkStoreFullError: see there. What was put since the last `sync` may be missing.
            ChunkStoreError: the disk does not take it; the same.
        """
        with self._lock, self._telling():
            self._write_gathered()
            self._index.sync()

    def shrink(self, to: int) -> int:
        """Drop chunks that need not stay until so many bytes are left, or no pack is worth it.

        Returns:
            How many bytes were freed.

        Raises:
            ChunkStoreFullError: see there. What was put since the last `sync` may be missing.
            ChunkStoreError: the disk fails; the same.
        """
        with self._lock:
            self._write_gathered()
            before = self._index.size
            self._shrink(to)
            return before - self._index.size

    def close(self) -> None:
        """Write what was gathered and close the store.

        Raises:
            ChunkStoreError: the disk does not take it; it is closed nevertheless.
        """
        with self._lock:
            try:
                self._write_gathered()
            finally:
                self._index.close()

    # -- with the lock held

    def _write_gathered(self) -> None:
        records, self._gathered = self._gathered, {}
        room, self._gathered_bytes = self._gathered_bytes, 0
        with self._telling():
            for one in filter(self._is_whole, self._index.there(records)):
                room -= len(records.pop(one))
        if not records:
            return
        if self._index.size + room > self._limit:
            self._shrink(self._limit - room)
        if self._index.size + room > self._limit:
            raise ChunkStoreFullError(
                f"the chunks in {self._folder} that must stay have {self._index.size} bytes, and "
                f"{self._limit} are allowed: raise the limit, or let go of what needs them"
            )
        with self._telling():
            self._index.append(list(records.items()))

    def _is_whole(self, chunk_hash: bytes) -> bool:
        """Whether a chunk that is put again is as it was: it may become the only copy."""
        record = self._index.read(chunk_hash) or b""
        try:
            unpack(record, chunk_hash)
        except DamagedError as error:
            self._put_aside(chunk_hash, record, error)
            return False
        return True

    def _shrink(self, to: int) -> None:
        for number in self._index.by_last_use():
            if self._index.size <= to:
                return
            with self._telling():
                records = self._index.records_of(number)
                keeps = frozenset(self._keeps([one.hash for one in records]))
                stay = [one for one in records if one.hash in keeps]
                size = self._index.size_of(number)
                if (size - sum(one.size for one in stay)) * _WORTH >= size:
                    self._index.drop(number, stay)

    def _put_aside(self, chunk_hash: bytes, record: bytes, error: DamagedError) -> None:
        if self._index.read(chunk_hash) != record:
            return  # another thread was here first
        self._index.forget(chunk_hash)
        aside = self._folder / "damaged"
        aside.mkdir(exist_ok=True, mode=0o700)
        kept = len(list(aside.iterdir())) < _MOST_ASIDE
        if kept:
            (aside / chunk_hash.hex()).write_bytes(record)
        logger.warning(
            "a chunk in %s was damaged (%s): it counts as missing; its record was %s",
            self._folder,
            error,
            f"put aside as damaged/{chunk_hash.hex()}" if kept else "dropped",
        )

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Say of what fails on the disk where it was."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise ChunkStoreError(
                f"the chunks in {self._folder} cannot be read or written ({error}): make room on "
                "the disk, or see whether it fails"
            ) from error
