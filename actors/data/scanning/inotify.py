"""The kernel's own word on changed folders: inotify(7), through libc.

Spoken to directly, since what the kernel says matters and is lost on the way through watchfiles
(1.3): that its queue ran over is not passed on, and one name that is not UTF-8 ends the watching.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

MODIFY: Final = 0x2
ATTRIB: Final = 0x4
CLOSE_WRITE: Final = 0x8
MOVED_FROM: Final = 0x40
MOVED_TO: Final = 0x80
CREATE: Final = 0x100
DELETE: Final = 0x200
UNMOUNT: Final = 0x2000
OVERFLOW: Final = 0x4000
IGNORED: Final = 0x8000
ONLY_FOLDERS: Final = 0x01000000
NOT_UNLINKED: Final = 0x04000000

CHANGES: Final = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE

_LIMITS: Final = FilePath("/proc/sys/fs/inotify")
_HEAD: Final = struct.Struct("iIII")
_READ: Final = 65536

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.inotify_init1.argtypes = [ctypes.c_int]
_libc.inotify_add_watch.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]


class WatchLimitError(Exception):
    """This user may have no more watches, or watchers; says which command raises the limit."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened.

    Attributes:
        watch: the number of the watch; -1 when the queue ran over.
        mask: what it was.
        name: the name in the folder; empty for the folder itself.
    """

    watch: int
    mask: int
    name: bytes


class Inotify:
    """Watches folders.

    Attributes:
        descriptor: readable when `read` has something.

    Raises:
        WatchLimitError: this user may have no more of them.
        OSError: the kernel has none.
    """

    def __init__(self) -> None:
        self.descriptor: Final = int(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        if self.descriptor < 0:
            error = ctypes.get_errno()
            if error == errno.EMFILE:
                raise WatchLimitError(_more("max_user_instances", "watchers of files"))
            raise OSError(error, os.strerror(error))

    def add(self, folder: int) -> int:
        """Watch an open folder; the same number again for one that is watched already.

        Raises:
            WatchLimitError: this user may have no more watches.
            OSError: it cannot be watched.
        """
        # By its descriptor: no name is looked up again, so none can lead elsewhere meanwhile.
        path = b"/proc/self/fd/%d" % folder
        mask = CHANGES | ONLY_FOLDERS | NOT_UNLINKED
        watch = int(_libc.inotify_add_watch(self.descriptor, path, mask))
        if watch < 0:
            error = ctypes.get_errno()
            if error == errno.ENOSPC:
                raise WatchLimitError(_more("max_user_watches", "watched folders"))
            raise OSError(error, os.strerror(error))
        return watch

    def read(self) -> Iterator[Event]:
        """What happened; nothing if nothing did."""
        try:
            block = os.read(self.descriptor, _READ)
        except BlockingIOError:
            return
        at = 0
        while at < len(block):
            watch, mask, _, length = _HEAD.unpack_from(block, at)
            at += _HEAD.size
            yield Event(watch, mask, block[at : at + length].rstrip(b"\0"))
            at += length

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self.descriptor)


def _more(limit: str, what: str) -> str:
    try:
        now = int((_LIMITS / limit).read_text())
    except (OSError, ValueError):
        now = 8192
    return (
        f"this user may have no more {what} (fs.inotify.{limit} is {now}). Type: "
        f"sudo sysctl fs.inotify.{limit}={2 * now}; what is not watched is seen when all is scanned"
    )
