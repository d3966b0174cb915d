"""Versions of files that a tree's sync replaced or deleted, kept for a while.

A file that was displaced is moved here by a rename, at no cost in bytes; where it was on another
file system it is copied first. A link needs no file, for its text is in the catalogue (SQLite),
which says of each version where in the tree it was, what it was, and when it was displaced.

1. The catalogue has a version before its file is here. Killed in between, the file still is where
   it was, and the entry goes when the versions are opened.
2. A file here that the catalogue does not know, as when that was damaged, is listed under
   ``lost+found/``, with an empty digest: nobody knows what it was.
3. `prune` drops the oldest: those that are older than the limit, or with which all are over the
   limit of bytes; the file goes first. What may be the only copy of something is spared.

A program that had the displaced file open may still write into it. What it writes is kept as well:
`restore` says whether the bytes are those that were displaced.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sqlite3
import stat
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final, Self

from simulacra.actors.data.content.chunking import ChangedError, digest_file
from simulacra.actors.data.content.descriptors import copy
from simulacra.actors.data.content.version_catalogue import Catalogue, Version, holding
from simulacra.actors.data.entries import Attributes, Content, Entry, Kind, Path, join
from simulacra.actors.private_files import sync_folder

_NUMBER: Final = re.compile("[1-9][0-9]{0,17}")
_PART: Final = ".part"
_STAT_BLOCK: Final = 512
_KINDS: Final = {Kind.FILE: stat.S_ISREG, Kind.LINK: stat.S_ISLNK}

LOST: Final[Path] = b"lost+found"
CATALOGUE: Final = "catalogue.sqlite"


class VersionsError(Exception):
    """Versions cannot be kept or read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Displaced:
    """A file or link that sync put out of its place.

    Attributes:
        path: where it was in the tree.
        entry: what it was.
        folder: a descriptor of the folder that it is in now.
        name: its name there.
    """

    path: Path
    entry: Entry
    folder: int
    name: bytes


class Versions:
    """See the module; for any thread.

    Args:
        folder: where, made if need be; best on the tree's file system. For one process at a time.
        most_bytes: what all versions may take on the disk.
        most_ns: how old one may be, in nanoseconds.
        catalogue: the file of the catalogue, where it is not to be in the folder.

    Raises:
        VersionsError: it cannot be opened.
        DatabaseError: the catalogue cannot be opened.
    """

    def __init__(
        self,
        folder: FilePath,
        *,
        most_bytes: int,
        most_ns: int,
        catalogue: FilePath | None = None,
    ) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._most_ns = most_ns
        self._lock = threading.Lock()
        with self._telling():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._catalogue = Catalogue(catalogue or folder / CATALOGUE)
        try:
            with self._telling():
                self._reconcile()
        except BaseException:
            self._catalogue.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keep(self, displaced: Sequence[Displaced], at_ns: int) -> None:
        """Take files and links over; they are no longer where they were.

        Many at a time cost little more than one. Killed in between, some were taken and the others
        are where they were.

        Args:
            displaced: them; folders have no versions.
            at_ns: when that was, nanoseconds since the epoch.

        Raises:
            ValueError: one is not of the kind that is said; nothing was taken.
            VersionsError: the disk does not take it; those that were not taken are where they were.
        """
        with self._lock, self._telling():
            numbers = self._catalogue.add(
                [(one.path, at_ns, _size(one), one.entry) for one in displaced]
            )
            try:
                for number, one in zip(numbers, displaced, strict=True):
                    self._take(number, one)
            except BaseException:
                self._reconcile()
                raise
            sync_folder(self._folder)

    def of(self, path: Path) -> list[Version]:
        """The versions of a path of the tree, the newest first."""
        with self._lock, self._telling():
            return self._catalogue.of(path)

    def latest(self, most: int) -> list[Version]:
        """The newest versions of all paths, so many at most, the newest first."""
        with self._lock, self._telling():
            return self._catalogue.latest(most)

    def length(self, number: int) -> int:
        """The bytes that a file's version has now.

        Raises:
            KeyError: there is no such version, or no longer; a link has no file.
            VersionsError: the disk fails.
        """
        with self._telling():
            try:
                return self._file(number).lstat().st_size
            except FileNotFoundError:
                raise KeyError(number) from None

    def restore(self, number: int, descriptor: int) -> bool:
        """Write what a version has into an empty file; the version stays. A link has no bytes.

        Returns:
            Whether they are the bytes that were displaced; see the module.

        Raises:
            KeyError: there is no such version, or no longer.
            VersionsError: it cannot be read, or the file not be written.
        """
        with self._lock, self._telling():
            version = self._catalogue.find(number)
        if version is None:
            raise KeyError(number)
        if version.entry.content.kind is Kind.LINK:
            return True
        with self._telling():
            try:
                kept = os.open(self._file(number), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise KeyError(number) from None
            # Dropped from here on, it is nevertheless read to its end.
            try:
                copy(kept, descriptor)
                return digest_file(kept).content == version.entry.content
            except ChangedError:
                return False
            finally:
                os.close(kept)

    def prune(self, now_ns: int, spared: Callable[[], Collection[bytes]] = tuple) -> None:
        """Drop what is over the limits.

        Args:
            now_ns: the time, nanoseconds since the epoch.
            spared: digests of contents to keep nevertheless; asked if anything is to go.

        Raises:
            VersionsError: the disk fails.
        """
        with self._lock, self._telling():
            over = self._catalogue.over(self._most_bytes, max(now_ns - self._most_ns, 0))
            kept = spared() if over else ()
            going = [number for number, digest in over if digest not in kept]
            for number in going:
                self._file(number).unlink(missing_ok=True)
            self._catalogue.forget(going)

    def close(self) -> None:
        """Close the catalogue."""
        with self._lock:
            self._catalogue.close()

    # -- with the lock held

    def _reconcile(self) -> None:
        """Make catalogue and files agree."""
        has_file = self._catalogue.numbers()
        for path in list(self._folder.iterdir()):
            if path.name.endswith(_PART):
                path.unlink()
            elif _NUMBER.fullmatch(path.name) and has_file.pop(int(path.name), None) is None:
                self._find(int(path.name), path.lstat())
        self._catalogue.forget(number for number, has in has_file.items() if has)

    def _find(self, number: int, about: os.stat_result) -> None:
        content = Content(Kind.FILE, about.st_size)
        attributes = Attributes(stat.S_IMODE(about.st_mode), about.st_mtime_ns)
        lost = join(LOST, str(number).encode())
        entry = Entry(content, attributes)
        self._catalogue.add_found(number, lost, about.st_ctime_ns, _taken(about), entry)

    def _take(self, number: int, one: Displaced) -> None:
        if one.entry.content.kind is Kind.LINK:
            os.unlink(one.name, dir_fd=one.folder)
            return
        try:
            os.rename(one.name, self._file(number), src_dir_fd=one.folder)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy_over(number, one)

    def _copy_over(self, number: int, one: Displaced) -> None:
        part = self._file(number).with_suffix(_PART)
        source = os.open(one.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=one.folder)
        try:
            target = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                copy(source, target)
                os.fsync(target)
            finally:
                os.close(target)
        finally:
            os.close(source)
        part.rename(self._file(number))
        sync_folder(self._folder)
        os.unlink(one.name, dir_fd=one.folder)

    def _file(self, number: int) -> FilePath:
        return file_of(self._folder, number)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Say of what fails on the disk where it was."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise VersionsError(
                f"versions in {self._folder} cannot be kept or read ({error}): make room on the "
                "disk, or lower the limit of versions"
            ) from error


def file_of(folder: FilePath, number: int) -> FilePath:
    """Where the bytes of a version are."""
    return folder / str(number)


def open_kept(folder: FilePath, digest: bytes, catalogue: FilePath | None = None) -> int | None:
    """A descriptor of a kept version that had a content, for who only reads, in any thread.

    What a program wrote into it later may be in it: its bytes are to be verified.

    Args:
        folder: where versions are kept.
        digest: of the content.
        catalogue: the file of the catalogue, where it is not in the folder.
    """
    try:
        numbers = holding(catalogue or folder / CATALOGUE, digest)
    except sqlite3.Error:  # none are kept yet, or they are being made anew
        return None
    for number in numbers:
        with contextlib.suppress(FileNotFoundError):
            return os.open(file_of(folder, number), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    return None


def _size(one: Displaced) -> int:
    """The bytes that it takes.

    Raises:
        ValueError: it is not of the kind that is said.
        OSError: it is not there.
    """
    about = os.stat(one.name, dir_fd=one.folder, follow_symlinks=False)
    is_so = _KINDS.get(one.entry.content.kind)
    if is_so is None or not is_so(about.st_mode):
        raise ValueError(f"{one.path!r} is no {one.entry.content.kind}")
    return _taken(about)


def _taken(about: os.stat_result) -> int:
    return about.st_blocks * _STAT_BLOCK
