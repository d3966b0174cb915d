"""Edits that Simulacra makes on this host's disk for its user, as the user would make them.

Each is a compare-and-swap against what was last seen at its path; what was there becomes a kept
version. It is on the disk when it returns. The next scan takes it for an edit, as any other.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from simulacra.actors.data.applying.applier import Applied, Applier
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.applying.staging import Write
from simulacra.actors.data.entries import (
    ROOT,
    Attributes,
    Entry,
    Fingerprint,
    Kind,
    Path,
    name,
    parent,
)
from simulacra.actors.data.scanning.attributes import Descent
from simulacra.actors.data.scanning.index import Index

FOLDER_MODE = 0o755


class Editor:
    """See the module; used by the thread that brings the disk up to date.

    Args:
        applier: changes the disk.
        index: what was last seen on it.
        descent: opens the tree's folders.
        expected: the fingerprint of what is expected at a path, if that is what was seen there.
    """

    def __init__(
        self,
        applier: Applier,
        index: Index,
        descent: Descent,
        expected: Callable[[Path, Entry], Fingerprint],
    ) -> None:
        self._applier = applier
        self._index = index
        self._descent = descent
        self._expected = expected

    def put_file(self, path: Path, write: Write, attributes: Attributes, size: int) -> Applied:
        """Put a file at a path, instead of the file or link that may be there.

        Raises:
            RefusedError: a folder is there, or something that was not looked at yet.
        """
        found = self._make_way(path)
        staged = self._applier.stage_file(path, write, attributes, size)
        return self._finish(self._applier.put(staged, found))

    def put_link(self, path: Path, target: bytes, attributes: Attributes) -> Applied:
        """Put a link at a path; as `put_file`."""
        found = self._make_way(path)
        staged = self._applier.stage_link(path, target, attributes)
        return self._finish(self._applier.put(staged, found))

    def _finish(self, applied: Applied) -> Applied:
        self._applier.sync()
        return applied

    def _make_way(self, path: Path) -> Fingerprint | None:
        """Make the folders above; what is at the path is to be replaced."""
        self._make_folders(parent(path))
        row = self._index.row(path)
        if row is None:
            return None
        if row.entry.content.kind is Kind.FOLDER:
            raise RefusedError(Reason.CHANGED, path, "a folder is there: choose another path")
        return self._expected(path, row.entry)

    def _make_folders(self, folder: Path) -> None:
        missing: list[Path] = []
        while folder != ROOT and not self._is_folder(folder):
            missing.append(folder)
            folder = parent(folder)
        for each in reversed(missing):
            self._applier.make_folder(each, Attributes(FOLDER_MODE))

    def _is_folder(self, path: Path) -> bool:
        try:
            above = self._descent.open(parent(path))
            return stat.S_ISDIR(os.stat(name(path), dir_fd=above, follow_symlinks=False).st_mode)
        except OSError:
            return False
