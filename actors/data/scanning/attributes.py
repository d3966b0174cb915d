"""Reading what is at a path, by descriptor: no symbolic link is followed on the way to it.

Whoever may write in a tree may swap a folder for a link at any moment. So nothing is opened by a
path of more than one name: each name is opened in the folder before it (`Descent`), with
O_NOFOLLOW, and what is said about a file is read from the descriptor that its bytes are read from.

Times beyond what 64 bits of nanoseconds can say (1677 to 2262) are taken as the nearest of those.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from simulacra.actors.data.entries import Attributes, Kind, Path

XATTRS_LIMIT: Final = 2**20
"""Bytes that the extended attributes of one file may have; with more it is not read."""

_SAFELY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER: Final = _SAFELY | os.O_DIRECTORY
# O_NONBLOCK: a pipe put in the place of a file meanwhile must not hold the reader.
_FILE: Final = _SAFELY | os.O_NONBLOCK | os.O_NOCTTY
_FIRST, _LAST = -(2**63), 2**63 - 1
_KINDS: Final = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFLNK: Kind.LINK}
_OPEN_AT_ONCE: Final = 64


def kind(mode: int) -> Kind | None:
    """What a mode of `stat` says it is; None for a device, socket or pipe."""
    return _KINDS.get(stat.S_IFMT(mode))


def nanoseconds(time: int) -> int:
    """A time that fits into 64 bits."""
    return time if _FIRST <= time <= _LAST else min(max(time, _FIRST), _LAST)


def open_file(name: bytes, folder: int) -> int:
    """A descriptor of a file in an open folder.

    Raises:
        OSError: as `os.open`; ELOOP for a symbolic link.
    """
    return os.open(name, _FILE, dir_fd=folder)


def open_folder(name: bytes, folder: int) -> int:
    """A descriptor of a folder in an open folder.

    Raises:
        OSError: as `os.open`; ENOTDIR for anything else, symbolic links too.
    """
    return os.open(name, _FOLDER, dir_fd=folder)


def attributes_of(descriptor: int, status: os.stat_result) -> Attributes:
    """The attributes of an open file or folder.

    Raises:
        OSError: as `xattrs`.
    """
    mtime = 0 if stat.S_ISDIR(status.st_mode) else nanoseconds(status.st_mtime_ns)
    return Attributes(stat.S_IMODE(status.st_mode), mtime, xattrs(descriptor))


def link_attributes(status: os.stat_result) -> Attributes:
    """The attributes of a symbolic link; Linux gives it none of the ``user.`` ones."""
    return Attributes(0o777, nanoseconds(status.st_mtime_ns))


def xattrs(descriptor: int) -> tuple[tuple[bytes, bytes], ...]:
    """The ``user.`` attributes of an open file, sorted; none where the file system has none.

    Raises:
        OSError: they cannot be read; E2BIG where they are over `XATTRS_LIMIT`.
    """
    try:
        names = sorted(os.fsencode(name) for name in os.listxattr(descriptor))
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return ()
        raise
    read, size = [], 0
    for name in names:
        value = _xattr(descriptor, name) if name.startswith(b"user.") else None
        if value is None:
            continue
        read.append((name, value))
        size += len(name) + len(value)
        if size > XATTRS_LIMIT:
            raise OSError(errno.E2BIG, f"its attributes have more than {XATTRS_LIMIT} bytes")
    return tuple(read)


def _xattr(descriptor: int, name: bytes) -> bytes | None:
    try:
        return os.getxattr(descriptor, name)
    except OSError as error:
        if error.errno == errno.ENODATA:  # taken away since it was listed
            return None
        raise


class Descent:
    """Opens the folders of a tree, each in the one before it.

    The folders on the way to the one opened last stay open (the last 64 of them), so that going
    through a tree in order costs one `open` a folder.

    Args:
        root: a descriptor of the tree's root; it stays the caller's to close.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._way: list[tuple[bytes, int]] = []  # -1: closed to keep the number down

    def open(self, folder: Path) -> int:
        """A descriptor of a folder, good until the next call.

        Raises:
            OSError: as `open_folder`, of any folder on the way.
        """
        names = folder.split(b"/") if folder else []
        self._go_back(names)
        for name in names[len(self._way) :]:
            self._way.append((name, open_folder(name, self._here())))
            self._close_first()
        return self._here()

    def close(self) -> None:
        """Close what is open."""
        self._go_back([])

    def _here(self) -> int:
        return self._way[-1][1] if self._way else self._root

    def _go_back(self, names: list[bytes]) -> None:
        shared = 0
        for name, (opened, _) in zip(names, self._way, strict=False):
            if name != opened:
                break
            shared += 1
        while self._way and (len(self._way) > shared or self._here() < 0):
            _, descriptor = self._way.pop()
            if descriptor >= 0:
                os.close(descriptor)

    def _close_first(self) -> None:
        first = len(self._way) - 1 - _OPEN_AT_ONCE
        if first >= 0:
            name, descriptor = self._way[first]
            os.close(descriptor)
            self._way[first] = (name, -1)
