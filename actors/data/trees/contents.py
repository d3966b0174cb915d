"""Where the bytes of a file come from that is to be on this disk.

Files of up to `WHOLE` bytes are fetched many at a time, by a thread of its own that is one pack
ahead of what is being written (`Contents.expect`), and kept in memory until they are. A larger one
is put together in a file of its own beside the tree (`Contents.whole`): from chunks of what is on
this disk already, kept versions too, and what is missing is fetched. That file stays when the line
breaks or the node dies, so that the next attempt fetches what is still missing. All bytes are
verified by their hashes, wherever they came from.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path as FilePath
from typing import Final, NamedTuple, Protocol

from simulacra.actors.data.content.assembly import FileSource, assemble, unwritten
from simulacra.actors.data.content.landing import LONGEST, Landing, Range
from simulacra.actors.data.content.manifest import WHOLE, Chunk, Manifest, ManifestError, hash_of
from simulacra.actors.data.content.versions import open_kept
from simulacra.actors.data.entries import Content, Path, name, parent
from simulacra.actors.data.scanning.attributes import Descent, open_file
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.place import Place

_PORTION: Final = 64 << 20
"""Bytes of a large file that are asked for at a time."""
_LONG: Final = 256 << 10
"""Chunks that lie together, of so many bytes or more, are fetched right into their place."""
_THREADS: Final = 2
"""So many read, verify and write what of a large file is on this disk already."""
PACK: Final = 4 << 20
MOST: Final = 2000
"""Bytes, and small files or chunks, that are asked for at a time."""


class MissingError(Exception):
    """The bytes of a content cannot be had now; the text says why."""


class Piece(NamedTuple):
    """Bytes of some content.

    Attributes:
        digest: of the content.
        offset: where they begin in it.
        length: how many they are.
    """

    digest: bytes
    offset: int
    length: int


class Remote(Protocol):
    """Another host that may have what is wanted."""

    host: str

    def manifests(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """The manifests of large files; None for those that it has not got.

        Raises:
            MissingError: it does not answer.
        """

    def pieces(self, pieces: Sequence[Piece]) -> Iterator[memoryview | None]:
        """The bytes of each; None for those that it has not got. A view lasts until the next.

        Raises:
            MissingError: it does not answer.
        """

    def fetch(self, content: Content, ranges: Sequence[Range], take: Take) -> None:
        """Have parts of a large content taken as they come, in any order.

        Args:
            content: which.
            ranges: the parts, `LONGEST` bytes at most each.
            take: given the offset of a part and its bytes, until it returns; by any thread.

        Raises:
            MissingError: it does not answer, or has it not; some may have been taken.
            OSError: ``take`` raised it.
        """


Take = Callable[[int, memoryview], None]
Progress = Callable[[int], None]
WhyWait = Callable[[int], str | None]


class Contents:
    """See the module; used by the thread that writes the journal.

    Args:
        place: where the tree is.
        journal: what is on its disk.
        descent: opens its folders.
        remotes: who may be asked now, the first one first.
        progress: told of bytes that came.
        why_wait: see `sparing`.
    """

    def __init__(
        self,
        place: Place,
        journal: Journal,
        descent: Descent,
        remotes: Callable[[], Sequence[Remote]],
        progress: Progress = lambda _: None,
        why_wait: WhyWait = lambda _: None,
    ) -> None:
        self._why_wait = why_wait
        self._place = place
        self._journal = journal
        self._descent = descent
        self._remotes = remotes
        self._progress = progress
        self._fetcher = ThreadPoolExecutor(1, f"tree-fetch@{place.host}")
        self._coming: deque[Future[dict[bytes, bytes]]] = deque()
        self._came: dict[bytes, bytes] = {}
        self._came_before: dict[bytes, bytes] = {}
        self._unfinished: set[str] = set()

    def close(self) -> None:
        """Wait for what is being fetched."""
        self.expect_nothing()
        self._fetcher.shutdown(cancel_futures=True)

    # -- small files

    def expect(self, wanted: Sequence[Content]) -> None:
        """Begin to fetch a pack of what is asked of `small` next, after the packs before it."""
        small = [each for each in wanted if 0 < each.size <= WHOLE]
        here = self._journal.held({each.digest for each in small})
        away = [each for each in small if each.digest not in here]
        if away:
            self._coming.append(self._fetcher.submit(self._fetch, self._remotes(), away))

    def expect_nothing(self) -> None:
        """Drop what is being fetched, and what came."""
        while self._coming:
            self._coming.popleft().cancel()
        self._came, self._came_before = {}, {}

    def small(self, content: Content) -> bytes:
        """The bytes of a small content.

        Raises:
            MissingError: they cannot be had now.
        """
        digest = content.digest
        if content.size == 0:
            return b""
        if digest not in self._came and self._coming:
            self._came_before, self._came = self._came, self._coming.popleft().result()
        data = self._came.get(digest) or self._came_before.get(digest)
        data = data or self._local(digest, content.size)
        if data is None:
            data = self._fetch(self._remotes(), [content]).get(digest)
        if data is None:
            raise self._missing(content)
        return data

    def _fetch(self, remotes: Sequence[Remote], wanted: Sequence[Content]) -> dict[bytes, bytes]:
        """What somebody has of some small contents; also in the thread that fetches ahead."""
        found: dict[bytes, bytes] = {}
        left = {each.digest: Piece(each.digest, 0, each.size) for each in wanted}
        came = 0
        for remote in remotes:
            pieces = list(left.values())
            try:
                for piece, data in zip(pieces, remote.pieces(pieces), strict=True):
                    if data is not None and hash_of(data) == piece.digest:
                        found[piece.digest] = bytes(data)
                        del left[piece.digest]
                        came += len(data)
            except MissingError:
                continue
            if not left:
                break
        self._progress(came)
        return found

    def _local(self, digest: bytes, size: int) -> bytes | None:
        for descriptor in self._having(digest):
            data = os.pread(descriptor, size + 1, 0)
            if hash_of(data) == digest:
                return data
        return None

    def _having(self, digest: bytes) -> Iterator[int]:
        """Files of this host that had a content: of the tree, and of what sync displaced.

        Each is open until the next is asked for.
        """
        for path in self._journal.holders(digest):
            try:
                descriptor = open_file(name(path), self._descent.open(parent(path)))
            except OSError:
                continue
            with os.fdopen(descriptor, "rb"):
                yield descriptor
        kept = open_kept(self._place.versions, digest, self._place.catalogue)
        if kept is not None:
            with os.fdopen(kept, "rb"):
                yield kept

    # -- large files

    def whole(self, content: Content, at: Path) -> FilePath:
        """A file beside the tree with the bytes of a large content.

        Args:
            content: which.
            at: the path in the tree that may have an older version of it.

        Raises:
            MissingError: not all of them can be had now; what came is kept, if the disk takes it.
        """
        manifest = self._manifest(content)
        path = self._place.partial / content.digest.hex()
        self._unfinished.add(path.name)
        try:
            self._put_together(content, manifest, path, at)
        except OSError as error:
            path.unlink(missing_ok=True)
            why = f"{self._place.partial} does not take its {content.size} bytes"
            raise MissingError(f"{why}: {error.strerror or error}") from error
        return path

    def _put_together(self, content: Content, manifest: Manifest, path: FilePath, at: Path) -> None:
        self._place.partial.mkdir(exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            begun = os.fstat(descriptor).st_size
            wanted = unwritten(manifest, descriptor) if begun else list(manifest.chunks)
            _check_room(descriptor, wanted)
            os.ftruncate(descriptor, manifest.size)
            missing = self._assemble(manifest, descriptor, wanted, at)
            self._fill(content, descriptor, missing)
        finally:
            os.close(descriptor)

    def drop_unfinished(self) -> None:
        """Remove what was begun for files that nobody has asked for since this was done last."""
        if self._place.partial.exists():
            for each in self._place.partial.iterdir():
                if each.name not in self._unfinished:
                    each.unlink()
        self._unfinished.clear()

    def _manifest(self, content: Content) -> Manifest:
        known = self._journal.manifest(content.digest)
        if known is not None:
            return Manifest.decode(known, content.digest)
        for remote in self._remotes():
            try:
                [encoded] = remote.manifests([content.digest])
                if encoded is not None:
                    manifest = Manifest.decode(encoded, content.digest)
                    self._journal.put_manifest(content.digest, encoded)
                    return manifest
            except (MissingError, ManifestError, ValueError):
                continue
        raise self._missing(content)

    def _assemble(
        self, manifest: Manifest, descriptor: int, wanted: list[Chunk], at: Path
    ) -> list[Chunk]:
        """Write what is on this disk already; what is not is returned."""
        missing = wanted
        for source in self._having(manifest.digest):
            missing = self._copy(manifest, source, missing, descriptor, missing)
            if not missing:
                return missing
        row = self._journal.row(at)
        encoded = None if row is None else self._journal.manifest(row.entry.content.digest)
        if row is None or encoded is None:
            return missing
        chunks = Manifest.decode(encoded, row.entry.content.digest).chunks
        for source in self._having(row.entry.content.digest):
            missing = self._copy(manifest, source, chunks, descriptor, missing)
        return missing

    def _copy(
        self,
        manifest: Manifest,
        source: int,
        chunks: Sequence[Chunk],
        descriptor: int,
        wanted: list[Chunk],
    ) -> list[Chunk]:
        """Write those of some chunks that a file has, by several threads; what it has not."""

        def work(some: list[Chunk]) -> list[Chunk]:
            return assemble(manifest, [FileSource(source, chunks)], descriptor, some)

        with ThreadPoolExecutor(_THREADS, f"tree-assembly@{self._place.host}") as pool:
            portion = max(1, -(-len(wanted) // _THREADS))
            starts = range(0, len(wanted), portion)
            missing = pool.map(work, [wanted[at : at + portion] for at in starts])
            return [chunk for some in missing for chunk in some]

    def _fill(self, content: Content, descriptor: int, missing: list[Chunk]) -> None:
        """Fetch chunks into their places."""
        size = sum(chunk.length for chunk in missing)
        why = self._why_wait(size) if missing else None
        if why is not None:
            raise MissingError(f"{size} bytes of it wait: {why}")
        landing = Landing(descriptor, missing, self._progress)
        for remote in self._remotes():
            if not landing.missing:
                return
            with suppress(MissingError):
                _fetch(remote, content, landing)
        if landing.missing:
            raise self._missing(content)

    def _missing(self, content: Content) -> MissingError:
        asked = ", ".join(remote.host for remote in self._remotes())
        why = f"{asked} have it not" if asked else "no host that may have it is connected"
        return MissingError(f"its {content.size} bytes cannot be had now: {why}")


def _check_room(descriptor: int, wanted: Iterable[Chunk]) -> None:
    """Fetch nothing for which there is no room."""
    disk = os.fstatvfs(descriptor)
    if sum(chunk.length for chunk in wanted) > disk.f_bavail * disk.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _fetch(remote: Remote, content: Content, landing: Landing) -> None:
    """Fetch from a host what it has: what is short in packs, the rest right into its place."""
    wanted = landing.wanted()
    for some in _portions([each for each in wanted if not _LONG <= each[1] <= LONGEST]):
        pieces = [Piece(content.digest, *each) for each in some]
        for piece, data in zip(pieces, remote.pieces(pieces), strict=True):
            if data is not None:
                landing.take(piece.offset, data)
    for some in _portions([each for each in wanted if _LONG <= each[1] <= LONGEST]):
        remote.fetch(content, some, landing.take)


def _portions(ranges: Iterable[Range]) -> Iterator[list[Range]]:
    """What is asked for at a time."""
    some: list[Range] = []
    size = 0
    for each in ranges:
        some.append(each)
        size += each[1]
        if size >= _PORTION or len(some) >= MOST:
            yield some
            some, size = [], 0
    if some:
        yield some
