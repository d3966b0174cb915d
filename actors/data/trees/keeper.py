"""What bringing displaces goes to the kept versions."""

from __future__ import annotations

import errno
import os
import time

from simulacra.actors.data.content.versions import Displaced, Versions
from simulacra.actors.data.entries import Entry, Kind, Path
from simulacra.actors.data.scanning.looking import Looker, NotReadError
from simulacra.actors.data.trees.journal import Journal


class Keeper:
    """Hands what is displaced to the kept versions: a `displacing.Keep`.

    What goes because it is left out here is not kept: other hosts have it.

    Args:
        journal: says what it was.
        versions: keeps it.
        looker: reads what nothing is known of, as after a crash.

    Attributes:
        going: the path that goes for that reason now.
    """

    def __init__(self, journal: Journal, versions: Versions, looker: Looker) -> None:
        self.going: Path | None = None
        self._journal = journal
        self._versions = versions
        self._looker = looker

    def __call__(self, folder: int, temporary: bytes, path: Path) -> None:
        """Keep one."""
        if path == self.going:
            return
        row = self._journal.row(path)
        status = os.stat(temporary, dir_fd=folder, follow_symlinks=False)
        entry = row.entry if row is not None else None
        if entry is None or entry.content.kind is Kind.FOLDER:
            entry = self._read(temporary, folder, status)
        self._versions.keep([Displaced(path, entry, folder, temporary)], time.time_ns())

    def _read(self, temporary: bytes, folder: int, status: os.stat_result) -> Entry:
        try:
            return self._looker.look(temporary, folder, status).entry
        except NotReadError as error:
            raise OSError(errno.EBUSY, f"it cannot be read to be kept: {error.reason}") from error
