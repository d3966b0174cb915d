"""The folders of a tree, reached from its root by descriptors: never out of it, never by a link.

A path is walked by the kernel in one step where it can (`openat2`), else name by name; a name that
is a link, or another file system's root, ends the walk, also when it was swapped in meanwhile. The
folders last used stay open, so that a batch opens each once; `forget` closes them.

The root is known by its device and inode: a disk that is not mounted shows an empty folder in its
place, in which nothing may be changed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections import OrderedDict
from pathlib import Path as FilePath
from typing import Final, Self

from simulacra.actors.data.applying import syscalls
from simulacra.actors.data.applying.refusals import Reason, RefusedError, refusing
from simulacra.actors.data.entries import ROOT, Path, is_ours
from simulacra.actors.data.scanning.roots import missing

_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN: Final = 32
_MOMENT: Final = 2.0
_PAUSE: Final = 0.01
_LONGEST: Final = 255
_NO_NAMES: Final = frozenset({b"", b".", b".."})
_MISSING: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class RootLostError(Exception):
    """A tree's root is not there, or is not the folder that it was: halt, and ask the user."""


class RootTakenError(Exception):
    """Another process changes the tree: try again later."""


def check_path(path: Path) -> None:
    """Refuse a path that nothing of a tree can have.

    Raises:
        RefusedError: a name in it is empty, ``.``, ``..``, ours, has a NUL, or is too long.
    """
    for name in path.split(b"/"):
        if name in _NO_NAMES or b"\0" in name:
            raise RefusedError(Reason.BAD_NAME, path, f"{name!r} is no name of a file")
        if len(name) > _LONGEST:
            why = f"a name has {len(name)} bytes, at most {_LONGEST} can be"
            raise RefusedError(Reason.NAME_TOO_LONG, path, why)
    if b"." in path and is_ours(path):
        raise RefusedError(
            Reason.BAD_NAME, path, "the name is kept for temporary files and for git"
        )


class Folders:
    """A tree's folders, by path. One thread at a time.

    Attributes:
        root: the root's descriptor.
        device: its file system.
        inode: the folder in it.
    """

    def __init__(
        self, root: str, identity: tuple[int, int] | None = None, *, is_locked: bool = False
    ) -> None:
        """Open a root, and keep others from changing the tree meanwhile.

        Args:
            root: where it is; links on the way to it are followed.
            identity: its (device, inode) where they are known.
            is_locked: whether it is locked already, by a process that this one works for.

        Raises:
            RootLostError: it is not there, or another folder is.
            RootTakenError: another process has it.
        """
        self._where = root
        self._open: OrderedDict[Path, int] = OrderedDict()
        self._one_step = True
        try:
            self.root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise RootLostError(missing(root)) from error
        except OSError as error:
            raise RootLostError(f"{root}: {error.strerror}") from error
        status = os.fstat(self.root)
        self.device, self.inode = status.st_dev, status.st_ino
        try:
            self._check(status, identity or (self.device, self.inode))
            if not is_locked:
                self._lock()
        except (RootLostError, RootTakenError):
            os.close(self.root)
            raise

    def _lock(self) -> None:
        """Lock the root; a maker of a node that was killed has it for a moment yet."""
        deadline = time.monotonic() + _MOMENT
        try:
            while not self._is_free():
                if time.monotonic() > deadline:
                    raise RootTakenError(
                        f"{self._where}: another process changes this tree, as one that a killed "
                        "node has left, or another host's, whose copy is the same folder"
                    )
                time.sleep(_PAUSE)
        except OSError as error:
            if error.errno not in syscalls.UNSUPPORTED | {errno.EBADF, errno.ENOLCK}:
                raise RootLostError(f"{self._where}: {error.strerror}") from error

    def _is_free(self) -> bool:
        """Lock the root if nobody has it."""
        try:
            fcntl.flock(self.root, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _check(self, status: os.stat_result, identity: tuple[int, int]) -> None:
        if (status.st_dev, status.st_ino) != identity:
            raise RootLostError(f"{self._where}: another folder, or another disk, is in its place")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check_root(self) -> None:
        """Make sure that the root is still where it was.

        Raises:
            RootLostError: it is gone, or another folder is there.
        """
        try:
            status = FilePath(self._where).stat()
        except OSError as error:
            raise RootLostError(f"{self._where}: {error.strerror}") from error
        self._check(status, (self.device, self.inode))

    def open(self, path: Path) -> int:
        """The descriptor of a folder, which stays ours; good until `forget` or 32 folders later.

        Raises:
            RefusedError: there is no such folder that can be reached without a link.
        """
        if path == ROOT:
            return self.root
        if (known := self._open.get(path)) is not None:
            self._open.move_to_end(path)
            return known
        check_path(path)
        descriptor = self._walk(path)
        self._open[path] = descriptor
        if len(self._open) > _OPEN:
            os.close(self._open.popitem(last=False)[1])
        return descriptor

    def forget(self) -> None:
        """Close the folders that are open, but for the root: they may have moved."""
        while self._open:
            os.close(self._open.popitem()[1])

    def close(self) -> None:
        """Close all."""
        self.forget()
        os.close(self.root)

    def _walk(self, path: Path) -> int:
        with refusing(path):
            try:
                return self._reach(path)
            except OSError as error:
                if error.errno not in _MISSING:
                    raise
                why = "a name on the way is missing, or is no folder"
                raise RefusedError(Reason.NO_FOLDER, path, why) from error

    def _reach(self, path: Path) -> int:
        if self._one_step:
            try:
                return syscalls.open_beneath(self.root, path, _FLAGS)
            except OSError as error:
                # A sandbox may refuse the call with EPERM, which no folder is refused with.
                if error.errno not in {errno.ENOSYS, errno.EPERM, errno.ENAMETOOLONG}:
                    raise
                self._one_step = error.errno == errno.ENAMETOOLONG  # All of a path has 4096 bytes.
        return self._reach_by_names(path)

    def _reach_by_names(self, path: Path) -> int:
        here = os.dup(self.root)
        for name in path.split(b"/"):
            try:
                there = os.open(name, _FLAGS, dir_fd=here)
            finally:
                os.close(here)
            here = there
            if os.fstat(here).st_dev != self.device:
                os.close(here)
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return here
