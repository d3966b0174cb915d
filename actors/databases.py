"""SQLite databases of a host: WAL, mode 0600, with a schema number.

An older database is brought forward step by step when it is opened; a newer one is refused. One
that is damaged, or cut off, is set aside beside where it was, and a new one begins.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_PATIENCE: Final = 5.0

logger = logging.getLogger(__name__)


class DatabaseError(Exception):
    """A database cannot be opened; the text says why and what to do."""


class DamagedError(Exception):
    """The file is not what was written."""


def open_database(
    path: Path, steps: Sequence[str], what: str, *, any_thread: bool = False
) -> tuple[sqlite3.Connection, bool]:
    """Open a database, which is made where it is missing, and bring its schema forward.

    Args:
        path: its file.
        steps: the statements that bring it from one schema number to the next.
        what: what it is, for messages: ``the index of chunks``.
        any_thread: whether threads other than this one may use it, one at a time.

    Returns:
        The database, and whether it is new: there was none, or a damaged one was set aside.

    Raises:
        DatabaseError: it cannot be opened, or a newer software wrote it.
    """
    try:
        return _open(path, steps, what, any_thread=any_thread)
    except (DamagedError, sqlite3.DatabaseError) as error:
        # A lock or a full disk is no damage.
        if isinstance(error, sqlite3.OperationalError):
            raise DatabaseError(f"{what} {path} cannot be opened: {error}") from error
        aside = set_aside(path)
        logger.warning(
            "%s %s is damaged (%s): it was set aside as %s", what, path, error, aside.name
        )
    try:
        return _open(path, steps, what, any_thread=any_thread)
    except sqlite3.Error as error:
        raise DatabaseError(f"{what} {path} cannot be made: {error}") from error


def set_aside(path: Path) -> Path:
    """Rename a database with what belongs to it, and return its new path."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}-{secrets.token_hex(2)}")
    for ending in ("-wal", "-shm", ""):
        part = Path(f"{path}{ending}")
        if part.exists():
            part.rename(f"{aside}{ending}")
    return aside


def _open(
    path: Path, steps: Sequence[str], what: str, *, any_thread: bool
) -> tuple[sqlite3.Connection, bool]:
    is_new = make_private(path, what)
    db = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=not any_thread)
    try:
        # Killed before its first schema was in, a file is empty: new as well.
        is_new = is_new or _is_blank(db)
        if not is_new:
            check(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA foreign_keys = ON")
        bring_forward(db, path, steps, what)
    except BaseException:
        db.close()
        raise
    return db, is_new


def make_private(path: Path, what: str) -> bool:
    """Make a database's file with its mode, if it is not there; whether it was not.

    Raises:
        DatabaseError: it cannot be made.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        path.chmod(0o600)
        return False
    except OSError as error:
        raise DatabaseError(f"{what} {path} cannot be made: {error.strerror}") from error
    return True


def _is_blank(db: sqlite3.Connection) -> bool:
    tables = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return tables == 0 and _schema(db) == 0


def check(db: sqlite3.Connection) -> None:
    """See whether a database is whole, and has a schema.

    Raises:
        DamagedError: it is not.
        sqlite3.DatabaseError: the file is none.
    """
    check_whole(db)
    if _schema(db) == 0:
        raise DamagedError("it is empty")


def check_whole(db: sqlite3.Connection) -> None:
    """See whether a database is whole.

    Raises:
        DamagedError: it is not.
        sqlite3.DatabaseError: the file is none.
    """
    problem = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise DamagedError(problem)


def _schema(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def bring_forward(db: sqlite3.Connection, path: Path, steps: Sequence[str], what: str) -> int:
    """Do the steps that a database has not seen yet, each whole or not at all.

    Returns:
        The number of the schema that it had; 0 for a new one.

    Raises:
        DatabaseError: a newer software wrote it.
        sqlite3.Error: one fails.
    """
    number = _schema(db)
    if number > len(steps):
        raise DatabaseError(
            f"{what} {path} has schema {number}, and this software knows those up to "
            f"{len(steps)}: install the newer simulacra that wrote it"
        )
    for at in range(number, len(steps)):
        db.executescript(f"BEGIN; {steps[at]} PRAGMA user_version = {at + 1}; COMMIT;")
    return number
