"""Hints of what changes in a tree, so that only those folders need to be scanned.

A hint is never the truth: it may come late, twice, or for nothing, and may name a folder that is
gone. Whoever gets one scans the folder. When hints were lost (the kernel's queue ran over, or more
folders changed than `FOLDERS_MOST`) the next one says *everything*: scan the whole tree.

A folder is watched by whoever lists it, just before (`Watcher.add`, as the scan's visitor): so what
is created before the listing is listed, and what is created after it is hinted at; what is ignored
costs no watch; and nobody walks the tree twice. Hints are gathered until nothing happened for
`QUIET` seconds, but no longer than `LATEST`.

A folder that was moved out of the tree is watched as long as it lives, for nothing. So a new
watcher is due with each scan of everything.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from simulacra.actors.data.entries import TEMPORARY, Path
from simulacra.actors.data.scanning.inotify import (
    IGNORED,
    OVERFLOW,
    UNMOUNT,
    Event,
    Inotify,
    WatchLimitError,
)

QUIET: Final = 0.05
LATEST: Final = 0.5
FOLDERS_MOST: Final = 10_000
_IN_GIT: Final = (".git", ".git/refs", ".git/refs/heads", ".git/refs/tags", "refs/heads")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hint:
    """Where to look.

    Attributes:
        folders: something in them may have changed.
        everything: hints were lost: anything may have changed.
    """

    folders: frozenset[Path]
    everything: bool = False


def watch_repository(add: Callable[[Path, int], None], path: Path, descriptor: int) -> None:
    """Watch what tells of changes in a git repository, as if they were in its folder.

    Args:
        add: `Watcher.add`.
        path: of its folder, in the tree.
        descriptor: of that.
    """
    for name in _IN_GIT:
        try:
            found = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
        except OSError:
            continue  # It has none, or is a submodule: looked at now and then.
        try:
            add(path, found)
        finally:
            os.close(found)


@dataclass(slots=True)
class Gathering:
    """What is known since the last hint. Times are seconds of any clock."""

    folders: set[Path] = field(default_factory=set)
    everything: bool = False
    first: float = 0.0
    last: float = 0.0

    def add(self, folder: Path | None, now: float) -> None:
        """Something happened in a folder; None is anywhere."""
        if self.due() is None:
            self.first = now  # nothing waited until now
        self.last = now
        if folder is None:
            self.everything = True
        else:
            self.folders.add(folder)
        if self.everything or len(self.folders) > FOLDERS_MOST:
            self.everything = True
            self.folders.clear()

    def due(self) -> float | None:
        """When to tell; None if there is nothing to tell."""
        if not self.folders and not self.everything:
            return None
        return min(self.last + QUIET, self.first + LATEST)

    def take(self, now: float) -> Hint | None:
        """What to tell now, and begin anew; None if it is not time yet."""
        due = self.due()
        if due is None or now < due:
            return None
        hint = Hint(frozenset(self.folders), self.everything)
        self.folders.clear()
        self.everything = False
        return hint


class Watcher:
    """Watches the folders it is told of, in a thread of its own from `start` to `close`.

    Args:
        on_hint: called in that thread; it must not block.

    Attributes:
        unwatched: how many folders could not be watched; only scans see what changes there.
        trouble: why not, and what to type; None if all are watched.

    Raises:
        WatchLimitError: this user may have no more watchers; says what to type.
        OSError: there is no watching here.
    """

    def __init__(self, on_hint: Callable[[Hint], None]) -> None:
        self.unwatched = 0
        self.trouble: str | None = None
        self._on_hint = on_hint
        self._inotify = Inotify()
        try:
            self._stop = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        except OSError:
            self._inotify.close()
            raise
        self._folders: dict[int, Path] = {}
        self._lock = threading.Lock()
        self._gathering = Gathering()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin to tell; what happened since the first `add` is told too."""
        self._thread.start()

    def add(self, path: Path, descriptor: int) -> None:
        """Watch a folder; the one that cannot be is counted.

        Args:
            path: in the tree.
            descriptor: of the folder.
        """
        try:
            with self._lock:
                self._folders[self._inotify.add(descriptor)] = path
        except (WatchLimitError, OSError) as error:
            self.unwatched += 1
            if self.trouble is None:
                self.trouble = str(error)
                _log.warning("some folders are not watched: %s", error)

    def close(self) -> None:
        """Stop, and wait until the last hint was told; not to be called in `on_hint`."""
        os.eventfd_write(self._stop, 1)
        if self._thread.ident is not None:
            self._thread.join()
        self._inotify.close()
        os.close(self._stop)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._inotify.descriptor, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        while True:
            due = self._gathering.due()
            wait = None if due is None else max(0.0, due - time.monotonic()) * 1000
            ready = dict(poll.poll(wait))
            if self._stop in ready:
                return
            if self._inotify.descriptor in ready:
                for event in self._inotify.read():
                    self._take_in(event, time.monotonic())
            hint = self._gathering.take(time.monotonic())
            if hint is not None:
                self._tell(hint)

    def _take_in(self, event: Event, now: float) -> None:
        if event.mask & OVERFLOW:
            self._gathering.add(None, now)
        elif event.mask & IGNORED:
            with self._lock:
                self._folders.pop(event.watch, None)
        elif event.mask & UNMOUNT:
            self._gathering.add(None, now)
        elif not event.name.startswith(TEMPORARY):
            with self._lock:
                folder = self._folders.get(event.watch)
            if folder is not None:
                self._gathering.add(folder, now)

    def _tell(self, hint: Hint) -> None:
        try:
            self._on_hint(hint)
        except Exception:  # noqa: BLE001  the next hints are wanted all the same
            _log.exception("a hint of %d folders was not taken", len(hint.folders))
