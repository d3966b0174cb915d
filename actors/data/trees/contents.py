"""Where the bytes of a file come from that is to be on this disk.

Files of up to `WHOLE` bytes are fetched many at a time, by a thread of its own that is one pack
ahead of what is being written (`Contents.expect`), and kept in memory until they are. A larger one
is gathered in a file of its own beside the tree (`Contents.whole`, `gathering`). That file stays
when the line breaks or the node dies, so that the next attempt fetches what is still missing. All
bytes are verified by their hashes, wherever they came from: those of small files as they are used.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path as FilePath
from typing import Final

from simulacra.actors.data.content.assembly import unwritten
from simulacra.actors.data.content.descriptors import read_at
from simulacra.actors.data.content.manifest import WHOLE, Chunk, Manifest, ManifestError, hash_of
from simulacra.actors.data.entries import Content, Path
from simulacra.actors.data.scanning.attributes import Descent
from simulacra.actors.data.trees.asking import MissingError, Parcel, Piece, Remote
from simulacra.actors.data.trees.gathering import Progress, copy_held, fetch
from simulacra.actors.data.trees.holders import Holders
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.sparing import FREELY, Sparing

PACK: Final = 4 << 20
"""Bytes of small files that are fetched at a time."""
_KEPT: Final = 2
"""So many packs are kept of those that came, as a content may be in several files."""


class Came:
    """Small contents that came, in files in memory; not verified.

    Attributes:
        places: by digest, in which file they are and from which offset on.
        size: bytes of all.
    """

    def __init__(self) -> None:
        self.places: dict[bytes, tuple[int, int]] = {}
        self.size = 0
        self._parcels: list[Parcel] = []

    def add(self, parcel: Parcel, digests: Iterable[bytes]) -> None:
        """Keep a parcel, with contents of which these are the digests."""
        self._parcels.append(parcel)
        for digest, place in zip(digests, parcel.places(), strict=True):
            if place is not None:
                self.places[digest] = parcel.descriptor, place[0]
                self.size += place[1]

    def close(self) -> None:
        """Let go of all."""
        while self._parcels:
            self._parcels.pop().close()


class Contents:
    """See the module; used by the thread that writes the journal.

    Args:
        place: where the tree is.
        journal: what is on its disk.
        descent: opens its folders.
        remotes: who may be asked now, the first one first.
        progress: told of bytes that came.
        sparing: what of it waits, and how much is asked for at a time.
    """

    def __init__(
        self,
        place: Place,
        journal: Journal,
        descent: Descent,
        remotes: Callable[[], Sequence[Remote]],
        progress: Progress = lambda _: None,
        sparing: Sparing = FREELY,
    ) -> None:
        self._sparing = sparing
        self._place = place
        self._journal = journal
        self._holders = Holders(place, journal, descent)
        self._remotes = remotes
        self._progress = progress
        self._fetcher = ThreadPoolExecutor(1, f"tree-fetch@{place.host}")
        self._coming: deque[tuple[frozenset[bytes], Future[Came]]] = deque()
        self._came: deque[Came] = deque()
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
            coming = self._fetcher.submit(self._fetch, self._remotes(), away)
            self._coming.append((frozenset(each.digest for each in away), coming))

    def expect_nothing(self) -> None:
        """Drop what is being fetched, and what came."""
        while self._coming:
            _, coming = self._coming.popleft()
            if not coming.cancel():
                coming.add_done_callback(_drop)
        while self._came:
            self._came.popleft().close()

    def small(self, content: Content) -> bytes:
        """The bytes of a small content.

        Raises:
            MissingError: they cannot be had now.
        """
        if content.size == 0:
            return b""
        data = _read(content, self.came(content)) or self._holders.read(content)
        data = data or self._fetch_one(content)
        if data is None:
            raise self._missing(content)
        return data

    def came(self, content: Content) -> tuple[int, int] | None:
        """Where the bytes of a small content are that came: a file in memory, and the offset in it.

        They are not verified. The file stays open until those of two more packs are asked for.
        """
        digest = content.digest
        while (place := self._place_of(digest)) is None and self._is_coming(digest):
            self._came.append(self._coming.popleft()[1].result())
            if len(self._came) > _KEPT:
                self._came.popleft().close()
        return place

    def _place_of(self, digest: bytes) -> tuple[int, int] | None:
        for came in self._came:
            if (place := came.places.get(digest)) is not None:
                return place
        return None

    def _is_coming(self, digest: bytes) -> bool:
        return any(digest in wanted for wanted, _ in self._coming)

    def _fetch_one(self, content: Content) -> bytes | None:
        """The bytes of a small content from the first who has them."""
        for remote in self._remotes():
            with closing(self._fetch([remote], [content])) as came:
                data = _read(content, came.places.get(content.digest))
            if data is not None:
                return data
        return None

    def _fetch(self, remotes: Sequence[Remote], wanted: Sequence[Content]) -> Came:
        """What somebody has of some small contents; also in the thread that fetches ahead."""
        came = Came()
        left = {each.digest: Piece(each.digest, 0, each.size) for each in wanted}
        try:
            for remote in remotes:
                with suppress(MissingError):
                    _take(remote, left, came)
                if not left:
                    break
        except BaseException:
            came.close()
            raise
        self._progress(came.size)
        return came

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
            missing = copy_held(manifest, self._older(at), descriptor, wanted, self._holders)
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

    def _older(self, at: Path) -> Manifest | None:
        """The manifest of what is at a path, if that is a large file."""
        row = self._journal.row(at)
        encoded = None if row is None else self._journal.manifest(row.entry.content.digest)
        if row is None or encoded is None:
            return None
        return Manifest.decode(encoded, row.entry.content.digest)

    def _fill(self, content: Content, descriptor: int, missing: list[Chunk]) -> None:
        """Fetch chunks into their places."""
        if not missing:
            return
        size = sum(chunk.length for chunk in missing)
        why = self._sparing.why_wait(size)
        if why is not None:
            raise MissingError(f"{size} bytes of it wait: {why}")
        remotes = self._remotes()
        if not fetch(content, descriptor, missing, remotes, self._sparing, self._progress):
            raise self._missing(content)

    def _missing(self, content: Content) -> MissingError:
        asked = [remote.host for remote in self._remotes()]
        why = "no host that may have it is connected"
        if asked:
            why = f"{', '.join(asked)} {'has' if len(asked) == 1 else 'have'} it not"
        if self._sparing.is_halted:
            why = "the tree is paused, or closed"
        return MissingError(f"its {content.size} bytes cannot be had now: {why}")


def _check_room(descriptor: int, wanted: Iterable[Chunk]) -> None:
    """Fetch nothing for which there is no room."""
    disk = os.fstatvfs(descriptor)
    if sum(chunk.length for chunk in wanted) > disk.f_bavail * disk.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _take(remote: Remote, left: dict[bytes, Piece], came: Came) -> None:
    """Take what a host has of pieces that are left."""
    digests = iter(list(left))
    try:
        for parcel in remote.parcels(list(left.values())):
            came.add(parcel, islice(digests, len(parcel.lengths)))
    finally:
        for digest in came.places:
            left.pop(digest, None)


def _read(content: Content, place: tuple[int, int] | None) -> bytes | None:
    """Bytes that came, if they are those of a content."""
    if place is None:
        return None
    data = read_at(place[0], content.size, place[1])
    return data if hash_of(data) == content.digest else None


def _drop(coming: Future[Came]) -> None:
    """Let go of what came and is not wanted any more."""
    if coming.exception() is None:
        coming.result().close()
