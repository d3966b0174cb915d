"""Why a change was not made on the disk: a reason for programs, and words for people.

A change that is refused has changed nothing; others go on.
"""

from __future__ import annotations

import errno
from enum import StrEnum
from typing import Final

from simulacra.actors.data.entries import Path, shown


class Reason(StrEnum):
    """Why a change was not made."""

    CHANGED = "changed"
    """Something else than what was expected is there: look again, and decide anew."""
    BUSY = "busy"
    """A program has the file open for writing: try again later."""
    NO_FOLDER = "no folder"
    """The folder it should be in is missing, or is a file or a link."""
    NOT_EMPTY = "not empty"
    """The folder to remove has something in it."""
    BAD_NAME = "bad name"
    """No file can have that name, or the file system refuses it."""
    NAME_TOO_LONG = "name too long"
    DENIED = "permission denied"
    READ_ONLY = "read-only file system"
    FULL = "disk full"
    """The disk is full, or the user's quota."""
    OTHER_FILE_SYSTEM = "other file system"
    """Another file system is mounted there, and trees end where their file system does."""
    UNSUPPORTED = "unsupported"
    """The file system cannot do it without putting what is there at risk."""
    FAILED = "failed"
    """The disk failed, or anything else: the words say what."""


_REASONS: Final = {
    errno.EEXIST: Reason.CHANGED,
    errno.ENOENT: Reason.CHANGED,
    errno.EISDIR: Reason.CHANGED,
    errno.ENOTDIR: Reason.CHANGED,
    errno.ELOOP: Reason.CHANGED,
    errno.ESTALE: Reason.CHANGED,
    errno.ETXTBSY: Reason.BUSY,
    errno.EBUSY: Reason.BUSY,
    errno.EAGAIN: Reason.BUSY,
    errno.ENOTEMPTY: Reason.NOT_EMPTY,
    errno.EILSEQ: Reason.BAD_NAME,
    errno.ENAMETOOLONG: Reason.NAME_TOO_LONG,
    errno.EACCES: Reason.DENIED,
    errno.EPERM: Reason.DENIED,
    errno.EROFS: Reason.READ_ONLY,
    errno.ENOSPC: Reason.FULL,
    errno.EDQUOT: Reason.FULL,
    errno.EXDEV: Reason.OTHER_FILE_SYSTEM,
    errno.EINVAL: Reason.UNSUPPORTED,
    errno.ENOSYS: Reason.UNSUPPORTED,
    errno.ENOTSUP: Reason.UNSUPPORTED,
}


class RefusedError(Exception):
    """A change was not made, and nothing of it is left.

    Attributes:
        reason: why.
        path: what should have been changed.
        why: in words, without the path.
    """

    def __init__(self, reason: Reason, path: Path, why: str) -> None:
        super().__init__(f"{shown(path) or '.'}: {why}")
        self.reason = reason
        self.path = path
        self.why = why

    def beside(self, path: Path) -> str:
        """What to say of it where a path is named already."""
        return self.why if path == self.path else str(self)


class refusing:  # noqa: N801 (a function to who reads it; one a file, so it has to be cheap)
    """Say as a `RefusedError` what the operating system refuses in a block."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OSError):
            reason = _REASONS.get(error.errno or 0, Reason.FAILED)
            raise RefusedError(reason, self._path, error.strerror or str(error)) from error
