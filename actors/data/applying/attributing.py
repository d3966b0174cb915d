"""Modes, times and extended attributes of what is open; owners are never changed.

What is given is a descriptor, or ``/proc/self/fd/N`` for one that was opened with O_PATH, which
needs no permission to read. An extended attribute that cannot be kept is no error: its name is
told.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path as FilePath
from typing import Final

from simulacra.actors.data.entries import Attributes

_USER: Final = "user."
# Where there are no such attributes, none on links, or no room for one that large.
_CANNOT: Final = frozenset(
    {
        errno.ENOTSUP,
        errno.EPERM,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.E2BIG,
        errno.ERANGE,
        errno.EINVAL,
    }
)


def by_descriptor(descriptor: int) -> str:
    """The path of what a descriptor is open on, also one that was opened with O_PATH."""
    return f"/proc/self/fd/{descriptor}"


def xattrs_of(what: int | str) -> tuple[tuple[bytes, bytes], ...]:
    """The extended attributes in the ``user.`` name space; none where there are no such."""
    try:
        names = sorted(name for name in os.listxattr(what) if name.startswith(_USER))
        return tuple((os.fsencode(name), os.getxattr(what, name)) for name in names)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return ()


def give(
    what: int | str,
    attributes: Attributes,
    had: tuple[tuple[bytes, bytes], ...] = (),
    *,
    time: bool = True,
) -> tuple[bytes, ...]:
    """Give a file attributes, and say which extended ones it cannot have.

    Args:
        what: a descriptor, or the path of one.
        attributes: all it is to have.
        had: the extended ones it has.
        time: whether to set the time too; folders have none of their own.

    Raises:
        OSError: it cannot; EINVAL for a time that cannot be.
    """
    lacking = give_xattrs(what, attributes.xattrs, had)
    if time:
        set_time(what, attributes.mtime_ns)
    set_mode(what, attributes.mode)
    return lacking


def set_mode(what: int | str, mode: int) -> None:
    """Give something permission bits."""
    if isinstance(what, int):
        os.fchmod(what, stat.S_IMODE(mode))
    else:
        FilePath(what).chmod(stat.S_IMODE(mode))


def set_time(what: int | str | bytes, mtime_ns: int, *, folder: int | None = None) -> None:
    """Say when something was last modified; a name in a folder may be a link's."""
    try:
        times = (mtime_ns, mtime_ns)
        if folder is None:
            os.utime(what, ns=times)
        else:
            os.utime(what, ns=times, dir_fd=folder, follow_symlinks=False)
    except OverflowError as error:
        raise OSError(errno.EINVAL, f"no time is {mtime_ns} ns") from error


def give_xattrs(
    what: int | str,
    wanted: tuple[tuple[bytes, bytes], ...],
    had: tuple[tuple[bytes, bytes], ...] = (),
) -> tuple[bytes, ...]:
    """Give a file extended attributes instead of those it had, and say which it cannot have."""
    if wanted == had:
        return ()
    for name in dict(had).keys() - dict(wanted):
        os.removexattr(what, name)
    lacking = []
    for name, value in wanted:
        if (name, value) in had:
            continue
        try:
            os.setxattr(what, name, value)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise
            lacking.append(name)
    return tuple(lacking)
