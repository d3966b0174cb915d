"""Holding a file still while it is replaced, so that nobody's edit slips in between.

A *grip* begins with the comparison of what is at a name with what is expected there. On a regular
file it then takes a read lease: the kernel grants it only if nobody has the file open for writing
(or mapped for writing), and lets nobody open or truncate it meanwhile; who tries waits until the
grip ends, and is noticed. So, while `Grip.untouched` says yes, nobody has written to the file
since it was compared, whatever its times say.

The kernel grants leases only to the file's owner and to root, and not on every file system.
Without one, an edit is seen by the file's size and time, and by an open descriptor alone it is not
seen at all: `Grip.sure` says which.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from dataclasses import dataclass
from typing import Self

from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.entries import Fingerprint, Path


@dataclass(frozen=True, slots=True)
class Grip:
    """What is held, until the end of a block.

    Attributes:
        status: what it was like when it was compared.
        lease: the descriptor that has the lease, None without one.
    """

    status: os.stat_result
    lease: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.lease is not None:
            os.close(self.lease)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, of which only the identity is compared."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def sure(self) -> bool:
        """Whether every edit would be noticed."""
        return self.lease is not None or not stat.S_ISREG(self.status.st_mode)

    def is_at(self, folder: int, name: bytes) -> bool:
        """Whether this very file is at a name, edited or not."""
        return same_file(self.status, look(folder, name))

    def untouched(self, folder: int, name: bytes) -> bool:
        """Whether this is at a name, and as it was when it was compared."""
        return self.now(folder, name) is not None

    def now(self, folder: int, name: bytes) -> os.stat_result | None:
        """What `stat` says of this at a name; None where it is `untouched` no more."""
        status = look(folder, name)
        if status is None or not same_file(self.status, status):
            return None
        same = self.is_folder or (self.unopened() and _seen(status) == _seen(self.status))
        return status if same else None

    def unopened(self) -> bool:
        """Whether nobody has tried to write since the lease was granted; True without one."""
        if self.lease is None:
            return True
        return fcntl.fcntl(self.lease, fcntl.F_GETLEASE) == fcntl.F_RDLCK


def look(folder: int, name: bytes) -> os.stat_result | None:
    """What is at a name; None if nothing is."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def same_file(one: os.stat_result, other: os.stat_result | None) -> bool:
    """Whether both are the same file, edited or not."""
    return other is not None and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _seen(status: os.stat_result) -> tuple[int, ...]:
    """What tells an edit; a rename changes ctime, and so it cannot."""
    return (status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns)


def grip(
    folder: int,
    name: bytes,
    expected: Fingerprint,
    path: Path,
    *,
    is_folder: bool = False,
    may_be_busy: bool = False,
) -> Grip:
    """Hold what is at a name, if it is what is expected.

    Args:
        folder: the folder's descriptor.
        name: the name in it.
        expected: what should be there; of a folder, device and inode.
        path: the same for people.
        is_folder: whether that is a folder.
        may_be_busy: hold it without a lease where a program has it open for writing.

    Raises:
        RefusedError: something else is there, or it is being written to.
        OSError: it cannot be looked at.
    """
    status = look(folder, name)
    if status is None:
        raise RefusedError(Reason.CHANGED, path, "it is gone")
    _compare(status, expected, path, is_folder)
    lease = _lease(folder, name, path, may_be_busy) if stat.S_ISREG(status.st_mode) else None
    if lease is None:
        return Grip(status)
    return _held(lease, expected, path, is_folder=is_folder)


def grip_made(folder: int, name: bytes, ours: Fingerprint, path: Path) -> Grip:
    """Hold a file that we made, under its temporary name; without a lease if it cannot be had.

    Raises:
        RefusedError: it is not what it was any more.
        OSError: it cannot be looked at.
    """
    lease = _lease(folder, name, path, may_be_busy=True)
    if lease is None:
        return grip(folder, name, ours, path, may_be_busy=True)
    return _held(lease, ours, path, is_folder=False)


def _held(lease: int, expected: Fingerprint, path: Path, *, is_folder: bool) -> Grip:
    try:
        status = os.fstat(lease)
        _compare(status, expected, path, is_folder)
    except BaseException:
        os.close(lease)
        raise
    return Grip(status, lease)


def _compare(status: os.stat_result, expected: Fingerprint, path: Path, is_folder: bool) -> None:
    same = (status.st_dev, status.st_ino) == (expected.device, expected.inode)
    # A number of an inode is soon used again, for anything.
    kind = stat.S_ISDIR(status.st_mode) == is_folder
    if not same or not kind or not (is_folder or expected == Fingerprint.of(status)):
        raise RefusedError(Reason.CHANGED, path, "it is not what it was: look at it again")


def _lease(folder: int, name: bytes, path: Path, may_be_busy: bool) -> int | None:
    """A descriptor that has a read lease; None where there can be none."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=folder)
    except PermissionError:
        return None
    try:
        # Who wants to write is told of by a signal: one that is ignored unless it is asked for.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        os.close(descriptor)
        if error.errno == errno.EAGAIN and not may_be_busy:
            why = "a program has it open for writing: it is tried again later"
            raise RefusedError(Reason.BUSY, path, why) from error
        return None
    return descriptor
