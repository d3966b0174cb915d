"""Folders and files of the user's that are read-only, made writable for as long as a change takes.

What is lent is written down first, on disk, so that a kill leaves nothing writable: `recover`
gives back at the next start what was not. A mode that somebody changed meanwhile stays. Where that
record is damaged it is set aside, and a new one begins: what was lent then stays writable, which is
said in the log, and the tree goes on.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

from simulacra.actors.data.applying.attributing import by_descriptor, set_mode
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.entries import ROOT, Path, name, parent
from simulacra.actors.databases import DamagedError, check_whole, set_aside

logger = logging.getLogger(__name__)

_MOST: Final = 64
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS lent (
    device INTEGER, inode INTEGER, path BLOB, before INTEGER, during INTEGER,
    PRIMARY KEY (device, inode)
)
"""


@dataclass(frozen=True, slots=True)
class _Lent:
    descriptor: int
    before: int
    during: int


class Permits:
    """What of one tree is lent. One thread at a time; at most 64 at once."""

    def __init__(self, journal: FilePath) -> None:
        """Open the journal, which is made where it is missing.

        Raises:
            sqlite3.Error: it cannot be opened.
        """
        self._journal = _opened(journal)
        self._lent: dict[tuple[int, int], _Lent] = {}

    def lend(self, folder: int, entry: bytes, path: Path) -> bool:
        """Make a folder or file writable for its owner; False where that is not what is missing.

        Args:
            folder: the descriptor of the folder it is in, or of itself where ``entry`` is empty.
            entry: its name there.
            path: what it is called in the tree.

        Raises:
            OSError: it cannot.
        """
        descriptor = os.open(entry or b".", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        status = os.fstat(descriptor)
        before = stat.S_IMODE(status.st_mode)
        mine = status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode)
        if not mine or before & stat.S_IWUSR:
            os.close(descriptor)
            return False
        if len(self._lent) >= _MOST:
            self.give_back()
        during = before | stat.S_IWUSR
        key = (status.st_dev, status.st_ino)
        self._lent[key] = _Lent(descriptor, before, during)
        self._journal.execute(
            "INSERT OR REPLACE INTO lent VALUES (?, ?, ?, ?, ?)", (*key, path, before, during)
        )
        set_mode(by_descriptor(descriptor), during)
        return True

    def give_back(self, *only: tuple[int, int]) -> None:
        """Take away again what was lent: all, or what has these devices and inodes.

        Raises:
            OSError: it cannot be; `recover` tries again at the next start.
        """
        for key in only or tuple(self._lent):
            if (lent := self._lent.get(key)) is not None:
                _restore(lent.descriptor, lent.before, lent.during)
                self.forget(key)

    def forget(self, key: tuple[int, int]) -> None:
        """What has this device and inode was given a mode for good."""
        if (lent := self._lent.pop(key, None)) is not None:
            os.close(lent.descriptor)
            self._journal.execute("DELETE FROM lent WHERE device = ? AND inode = ?", key)

    def recover(self, folders: Folders) -> None:
        """Give back what a kill left lent, where it still is.

        Raises:
            OSError: one cannot be; it is tried again at the next start.
        """
        rows = self._journal.execute("SELECT device, inode, path, before, during FROM lent")
        for device, inode, path, before, during in rows.fetchall():
            descriptor = _find(folders, path)
            if descriptor is not None:
                try:
                    status = os.fstat(descriptor)
                    if (status.st_dev, status.st_ino) == (device, inode):
                        _restore(descriptor, before, during)
                finally:
                    os.close(descriptor)
            self._journal.execute(
                "DELETE FROM lent WHERE device = ? AND inode = ?", (device, inode)
            )

    def close(self) -> None:
        """Give back all, and close the journal."""
        try:
            self.give_back()
        finally:
            for lent in self._lent.values():
                os.close(lent.descriptor)
            self._journal.close()


def _opened(journal: FilePath) -> sqlite3.Connection:
    try:
        return _begun(journal)
    except (DamagedError, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.OperationalError):  # A lock or a full disk is no damage.
            raise
        logger.warning(
            "%s is damaged (%s), and set aside as %s: what a kill left writable in this tree "
            "stays so",
            journal,
            error,
            set_aside(journal).name,
        )
    return _begun(journal)


def _begun(journal: FilePath) -> sqlite3.Connection:
    db = sqlite3.connect(journal, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA synchronous = FULL")
        check_whole(db)
        db.execute(_TABLE)
    except BaseException:
        db.close()
        raise
    return db


def _restore(descriptor: int, before: int, during: int) -> None:
    if stat.S_IMODE(os.fstat(descriptor).st_mode) == during:
        set_mode(by_descriptor(descriptor), before)


def _find(folders: Folders, path: Path) -> int | None:
    """What is at a path, opened without reading; None if nothing is."""
    try:
        folder = folders.open(parent(path))
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name(path) if path != ROOT else b".", flags, dir_fd=folder)
    except (RefusedError, FileNotFoundError):
        return None
