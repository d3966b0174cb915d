"""Texts as they were last synced: what the changes of two sides are merged from.

An edit in place destroys what it began with, so where texts are merged they are remembered before:
those of up to `text_merge.LARGEST` bytes that the disk and the journal agree on. The journal is
followed by its sequence, a batch at a time in quiet moments (`fill`), and how far that is stands in
a file beside the chunks. The store has a limit, and drops what was not used for longest. What is
not there, or never was, only makes both versions stay.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Final

from simulacra.actors.data.content.chunk_store import ChunkStore, ChunkStoreError
from simulacra.actors.data.content.manifest import WHOLE, Chunk, Manifest, ManifestError
from simulacra.actors.data.content.text_merge import LARGEST
from simulacra.actors.data.entries import Content, Kind, Path
from simulacra.actors.data.reconciling.records import FileId
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.databases import DatabaseError
from simulacra.actors.private_files import replace_private

LIMIT: Final = 256 << 20
BATCH_RECORDS: Final = 200
BATCH_BYTES: Final = 4 << 20

logger = logging.getLogger(__name__)

Read = Callable[[Path, Content], bytes | None]
"""The bytes at a path, if they are that content and a text."""


class Bases:
    """See the module; used by the thread that writes the journal.

    Args:
        folder: where, made if need be.
        journal: what is known of the tree.
        limit: bytes that they may take.
    """

    def __init__(self, folder: FilePath, journal: Journal, limit: int = LIMIT) -> None:
        self._journal = journal
        self._progress = folder / "upto"
        self._store: ChunkStore | None = None
        try:
            self._store = ChunkStore(folder, limit=limit, keeps=lambda _: ())
        except (ChunkStoreError, DatabaseError) as error:
            logger.warning("texts are not remembered, and merged less often: %s", error)
        self._done = self._read_progress()

    def close(self) -> None:
        """Let go of the store."""
        with self._giving_up():
            if self._store is not None:
                self._store.close()
        self._store = None

    def find(self, digest: bytes) -> bytes | None:
        """A text by its digest; None where it is not at hand."""
        chunks = chunks_of(digest, self._journal)
        if self._store is None or chunks is None:
            return None
        found: list[bytes] = []
        with self._giving_up():
            for chunk in chunks:
                data = self._store.get(chunk.hash)
                if data is None:
                    return None
                found.append(data)
            return b"".join(found)
        return None

    def fill(self, read: Read) -> bool:
        """Remember some more of what has changed; whether there may be still more."""
        if self._store is None or self._done >= self._journal.last:
            return False
        with self._giving_up():
            changed = self._journal.changed_after(self._done, BATCH_RECORDS)
            is_all = len(changed) < BATCH_RECORDS
            end = self._journal.last if is_all else changed[-1][0]
            self._done = self._remember(self._store, changed, read, end)
            if not is_all or self._done < end:
                return True
            self._store.sync()
            incarnation = self._journal.author.replica.incarnation
            replace_private(self._progress, f"{incarnation} {self._done}")
        return False

    def _remember(
        self, store: ChunkStore, changed: Sequence[tuple[int, FileId]], read: Read, end: int
    ) -> int:
        """Remember what shows of some records, up to a number; the one up to which that is done."""
        texts = [(n, *text) for n, which in changed for text in self._shown(which)]
        lacking = set(store.missing(chunk.hash for *_, chunks in texts for chunk in chunks))
        room, latest = BATCH_BYTES, 0
        for n, path, content, chunks in texts:
            if lacking.isdisjoint(chunk.hash for chunk in chunks):
                continue
            if room <= 0 and n > latest:  # all of one record is of one batch
                return n - 1
            room, latest = room - content.size, n
            data = read(path, content)
            if data is not None:
                for chunk in chunks:
                    store.put(chunk.hash, data[chunk.offset : chunk.offset + chunk.length])
        return end

    def _shown(self, which: FileId) -> Iterator[tuple[Path, Content, Sequence[Chunk]]]:
        """What may be texts of what shows of a record."""
        for path, row in self._journal.paths(which):
            content = row.entry.content
            if content.kind is Kind.FILE and 0 < content.size <= LARGEST:
                chunks = chunks_of(content.digest, self._journal, content.size)
                if chunks is not None:
                    yield path, content, chunks

    def _read_progress(self) -> int:
        try:
            incarnation, done = map(int, self._progress.read_text().split())
        except (OSError, ValueError):
            return 0
        return done if incarnation == self._journal.author.replica.incarnation else 0

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Do without the store from its first failure on."""
        try:
            yield
        except (ChunkStoreError, OSError) as error:
            logger.warning("texts are remembered no more, and merged less often: %s", error)
            store, self._store = self._store, None
            if store is not None:
                with contextlib.suppress(ChunkStoreError):
                    store.close()


def chunks_of(digest: bytes, journal: Journal, size: int = WHOLE) -> Sequence[Chunk] | None:
    """The chunks of a text; None where they are not known, or are those of no text."""
    encoded = journal.manifest(digest)
    if encoded is None:
        return [Chunk(digest, 0, size)] if size <= WHOLE else None
    try:
        manifest = Manifest.decode(encoded, digest)
    except ManifestError:
        return None
    covered = sum(chunk.length for chunk in manifest.chunks)
    return manifest.chunks if covered == manifest.size <= LARGEST else None
