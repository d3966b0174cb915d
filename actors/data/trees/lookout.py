"""Where a tree is to be looked at next, and the watcher that says so.

Hints are gathered until the next look. All is looked at at first, when hints were lost, and each
hour, since they can be lost unseen; each time by a new watcher, as the old one may watch folders
that are in the tree no more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from simulacra.actors.data.entries import Path
from simulacra.actors.data.scanning.inotify import WatchLimitError
from simulacra.actors.data.scanning.scan import Meet
from simulacra.actors.data.scanning.watching import Hint, Watcher, watch_repository
from simulacra.actors.data.trees.intake import Taken
from simulacra.actors.data.trees.local_tree import LocalTree

FULL_SCAN: Final = 3600.0


class Lookout:
    """See the module; used by the tree's thread.

    Args:
        tell: told of hints, by the watcher's thread.

    Attributes:
        unwatched: how many folders are seen by scans alone.
        trouble: why they are; empty while all are watched.
    """

    def __init__(self, tell: Callable[[Hint], None]) -> None:
        self.unwatched = 0
        self.trouble = ""
        self._tell = tell
        self._watcher: Watcher | None = None
        self._folders: set[Path] = set()
        self._everything = True
        self._looked_at: float | None = None
        self._met: set[Path] = set()

    def close(self) -> None:
        """Watch nothing any more."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None

    def hint(self, hint: Hint) -> None:
        """Something may have changed."""
        self._folders |= hint.folders
        self._everything = self._everything or hint.everything

    def expect_anything(self) -> None:
        """Look at all of it next."""
        self._everything = True

    @property
    def due(self) -> float | None:
        """When all is looked at again, by the monotonic clock; None while it never was."""
        return None if self._looked_at is None else self._looked_at + FULL_SCAN

    @property
    def is_due(self) -> bool:
        """Whether all is to be looked at now."""
        return self._everything or self.due is None or time.monotonic() >= self.due

    def look_at_all(self, tree: LocalTree, *, sure: bool) -> Taken:
        """Look at all of it; see `LocalTree.scan`, also for what is raised."""
        now = time.monotonic()
        watcher = self._new_watcher()
        self._met.clear()
        try:
            visitor = None if watcher is None else watcher.add
            taken = tree.scan(visitor=visitor, meet=self._meet(watcher), sure=sure)
        except BaseException:
            if watcher is not None:
                watcher.close()
            raise
        self._use(watcher)
        self._everything, self._looked_at = False, now
        self._folders.clear()
        return taken

    def look_at_hints(self, tree: LocalTree) -> tuple[set[Path], Taken] | None:
        """Look where something may have changed; which folders, and what came of it."""
        folders, self._folders = self._folders, set()
        if not folders:
            return None
        visitor = None if self._watcher is None else self._watcher.add
        return folders, tree.scan(folders, visitor=visitor, meet=self._meet(self._watcher))

    def take_met(self) -> frozenset[Path]:
        """The git repositories that were met since this was asked last."""
        met, self._met = frozenset(self._met), set()
        return met

    def _meet(self, watcher: Watcher | None) -> Meet:
        """Note each git repository that is met, and watch what tells of its changes."""

        def meet(path: Path, descriptor: int, *, bare: bool) -> None:  # noqa: ARG001
            self._met.add(path)
            if watcher is not None:
                watch_repository(watcher.add, path, descriptor)

        return meet

    def _new_watcher(self) -> Watcher | None:
        try:
            return Watcher(self._tell)
        except (WatchLimitError, OSError) as error:
            self.trouble = str(error)
            return None

    def _use(self, watcher: Watcher | None) -> None:
        self.close()
        self._watcher = watcher
        if watcher is not None:
            watcher.start()
            self.unwatched, self.trouble = watcher.unwatched, watcher.trouble or ""
