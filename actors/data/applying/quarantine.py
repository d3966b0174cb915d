"""Where files wait that only an import brought: they are in the tree's folder, not in the tree.

Each import has a folder of its own in ``.simulacra-quarantine``, and its files have the paths there
that they had. They are moved, not copied; the user takes out what is wanted and deletes the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from simulacra.actors.data.applying import displacing
from simulacra.actors.data.applying.folders import Folders, check_path
from simulacra.actors.data.entries import QUARANTINE, Path, name, parent, shown
from simulacra.actors.data.scanning.attributes import Descent

_MOST: Final = 1000


class Quarantine:
    """The quarantine of one import. Its `take` is a `displacing.Keep`."""

    def __init__(self, folders: Folders, label: bytes) -> None:
        """Name an import; nothing is made until something is taken.

        Args:
            folders: the tree.
            label: a name for a folder, such as the host's.

        Raises:
            RefusedError: it cannot be a name.
        """
        check_path(label)
        self._root = folders.root
        self._label = label

    def take_all(self, descent: Descent, paths: Iterable[Path]) -> None:
        """Move files and folders, with all in them, into quarantine; what is gone is left out.

        Args:
            descent: into the tree.
            paths: which; what is in a folder goes with it.

        Raises:
            OSError: one of them cannot be moved; those before it are there.
        """
        for path in paths:
            with suppress(FileNotFoundError):
                self.take(descent.open(parent(path)), name(path), path)

    def take(self, folder: int, temporary: bytes, path: Path) -> None:
        """Move a file into quarantine; where its place is taken, into a folder beside.

        Raises:
            OSError: it cannot be moved; it stays where it is.
        """
        *folders, entry = path.split(b"/")
        for number in range(_MOST):
            label = self._label + (b".%d" % number if number else b"")
            try:
                there = self._make([QUARANTINE, label, *folders])
            except (FileExistsError, NotADirectoryError):
                continue
            try:
                displacing.place(folder, temporary, there, entry)
            except FileExistsError:
                continue
            finally:
                os.close(there)
            return
        raise FileExistsError(f"{_MOST} files called {shown(path)} are in quarantine")

    def _make(self, names: list[bytes]) -> int:
        """A descriptor of a folder, which is made where it is missing; no link leads to it."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        here = os.dup(self._root)
        for entry in names:
            try:
                with suppress(FileExistsError):
                    os.mkdir(entry, 0o700, dir_fd=here)
                there = os.open(entry, flags, dir_fd=here)
            finally:
                os.close(here)
            here = there
        return here
