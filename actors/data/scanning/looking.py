"""Looking at one name in an open folder: what is there, read whole or not at all.

A file is read between two looks at its status. Where they differ it was changed while it was read:
what was read is thrown away, and `Reason.CHANGING` says to come again. What was changed less than a
tick of the file system's clock (`tick`) before it was read is not *settled*: a change right after
could leave the same times, so an equal fingerprint will not be believed (as of git's racily clean
entries). What time it is says the clock that files are stamped by (`file_time`).
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from blake3 import blake3

from simulacra.actors.data.entries import FOLDER, Content, Entry, Fingerprint, Kind
from simulacra.actors.data.scanning.attributes import (
    attributes_of,
    kind,
    link_attributes,
    open_file,
    open_folder,
)
from simulacra.actors.data.scanning.rows import Row

_TICK_NS: Final = 20_000_000
"""Twice the longest tick of Linux's own clock."""
_LARGE: Final = 16 << 20
"""Reading so many bytes twice takes longer than to wait for a tick."""
_COARSE_TICK_NS: Final = 2_000_000_000
"""The tick of file systems that keep whole seconds, or every other one."""

_CLOCK_REALTIME_COARSE: Final = 5
"""Linux's name of the clock that it stamps files by, which Python does not have."""

Digest = Callable[[int, int], bytes]
"""The name of an open file's bytes, given its size: both as `entries.Content` has them."""


class Reason(StrEnum):
    """Why a path is not observed."""

    DENIED = "permission denied"
    UNREADABLE = "cannot be read"
    CHANGING = "changes while it is read"
    OTHER_FILE_SYSTEM = "another file system is mounted there"
    RULES_UNREADABLE = "its ignore file cannot be read"
    TOO_LARGE = "larger than this host wants"
    DEVICE = "a device"
    SOCKET = "a socket"
    PIPE = "a pipe"


SPECIAL: Final = {
    stat.S_IFSOCK: Reason.SOCKET,
    stat.S_IFIFO: Reason.PIPE,
    stat.S_IFBLK: Reason.DEVICE,
    stat.S_IFCHR: Reason.DEVICE,
}


class NotReadError(Exception):
    """Nothing can be said of a path, not even that it is gone.

    Attributes:
        reason: why.
        detail: in the system's words; may be empty.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Looker:
    """Reads what is there.

    Attributes:
        digest: names a file's bytes; an OSError of it is a reason not to have read the file.
        now: the time, nanoseconds since the epoch; see `file_time`.
    """

    digest: Digest
    now: Callable[[], int]

    def look(
        self, name: bytes, folder: int, status: os.stat_result, twins: Iterable[Row] = ()
    ) -> Row:
        """Read what is at a name.

        Args:
            name: in the folder.
            folder: its descriptor.
            status: what `stat` said of the name; it is a file, folder or link.
            twins: what was observed of the same inode at other paths. One that is settled and has
                the same fingerprint spares the reading: only a folder above was moved.

        Raises:
            NotReadError: it cannot be read now.
        """
        started = self._begin(status)
        try:
            match kind(status.st_mode):
                case Kind.FILE:
                    read, entry = self._file(name, folder, status, twins)
                case Kind.FOLDER:
                    read, entry = _folder(name, folder)
                case _:
                    read, entry = _link(name, folder, status)
        except OSError as error:
            raise not_read(error) from error
        if not os.path.samestat(read, status):
            raise NotReadError(Reason.CHANGING)
        return Row(Fingerprint.of(read), entry, _is_settled(read, started))

    def _begin(self, status: os.stat_result) -> int:
        """The time at which it is begun to read; large files, once what is read will be settled."""
        started = self.now()
        wait = status.st_ctime_ns + tick(status.st_ctime_ns) - started
        if status.st_size < _LARGE or not 0 < wait <= _TICK_NS:
            return started
        time.sleep((wait + _TICK_NS // 2) / 1e9)  # that clock goes by ticks, and is behind
        return self.now()

    def _file(
        self, name: bytes, folder: int, status: os.stat_result, twins: Iterable[Row]
    ) -> tuple[os.stat_result, Entry]:
        for twin in twins:
            if twin.settled and twin.fingerprint == Fingerprint.of(status):
                return status, twin.entry
        descriptor = open_file(name, folder)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise NotReadError(Reason.CHANGING)
            digest = self.digest(descriptor, before.st_size)
            attributes = attributes_of(descriptor, before)
            _same(before, os.fstat(descriptor))
        finally:
            os.close(descriptor)
        return before, Entry(Content(Kind.FILE, before.st_size, digest), attributes)


def _link(name: bytes, folder: int, status: os.stat_result) -> tuple[os.stat_result, Entry]:
    target = os.readlink(name, dir_fd=folder)
    _same(status, os.stat(name, dir_fd=folder, follow_symlinks=False))
    content = Content(Kind.LINK, len(target), link_digest(target), target)
    return status, Entry(content, link_attributes(status))


def _folder(name: bytes, folder: int) -> tuple[os.stat_result, Entry]:
    descriptor = open_folder(name, folder)
    try:
        status = os.fstat(descriptor)
        return status, Entry(FOLDER, attributes_of(descriptor, status))
    finally:
        os.close(descriptor)


def link_digest(target: bytes) -> bytes:
    """The name of a link's text."""
    return blake3(target).digest()


def not_read(error: OSError) -> NotReadError:
    """What an error of the system means for who looks."""
    detail = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE):
        return NotReadError(Reason.CHANGING)
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotReadError(Reason.DENIED)
    return NotReadError(Reason.UNREADABLE, detail)


def _same(before: os.stat_result, after: os.stat_result) -> None:
    alike = (
        before.st_ctime_ns == after.st_ctime_ns
        and before.st_mtime_ns == after.st_mtime_ns
        and before.st_size == after.st_size
        and os.path.samestat(before, after)
    )
    if not alike:
        raise NotReadError(Reason.CHANGING)


def file_time() -> int:
    """The time that a file would bear that is changed now, on a disk of this host.

    It is behind what `time.time_ns` says, by a tick as a rule, and by far more where a busy machine
    missed some: what looks old by that one may be changed once more within the same tick.
    """
    return time.clock_gettime_ns(_CLOCK_REALTIME_COARSE)


def tick(changed_ns: int) -> int:
    """Within how many nanoseconds of a change another may leave the same time."""
    return _TICK_NS if changed_ns % 10**9 else _COARSE_TICK_NS


def _is_settled(status: os.stat_result, started: int) -> bool:
    # Both ways: a clock that was put back may show the same time once more.
    ago = min(abs(started - status.st_mtime_ns), abs(started - status.st_ctime_ns))
    return ago >= tick(status.st_ctime_ns)
