"""The mount that a directory is on, exactly: also below binds and over-mounts.

A descriptor opened with O_PATH knows its mount, and opening it asks no file system: nothing here
waits for a host that is gone. Nor does the kernel's getcwd; but where the mount was taken away, the
C library looks the path up itself, so that the mount is looked for first.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from simulacra.actors.compute.mounts import Lying, Mount, UnmappedError, mount_above, parse

_PROC: Final = Path("/proc/thread-self")


def current_directory() -> Lying:
    """Where the current directory lies.

    Raises:
        FileNotFoundError: it was removed.
        UnmappedError: its mount was taken away while it was in use.
    """
    handle = os.open(".", os.O_PATH | os.O_CLOEXEC)
    try:
        mount = _mount_of(handle)
        path = None if mount is None else os.getcwd()  # noqa: PTH109 - the same
    except FileNotFoundError:
        raise
    except OSError as error:  # it was taken away just now
        raise _taken_away("the current directory") from error
    finally:
        os.close(handle)
    return _lying(path or "the current directory", mount)


def directory(path: str) -> Lying | None:
    """Where a directory lies; None for one on a mount of another host, which is not looked at.

    Raises:
        OSError: it is not there, or is no directory.
        UnmappedError: its mount was taken away meanwhile.
    """
    above = mount_above(path, mounts := _mounts())
    if any(mount.point == above and mount.kind is not None for mount in mounts):
        return None
    handle = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _lying(str((_PROC / "fd" / str(handle)).readlink()), _mount_of(handle))
    finally:
        os.close(handle)


def _mount_of(handle: int) -> Mount | None:
    """The mount that a descriptor is on; None for one that was taken away."""
    told = (_PROC / "fdinfo" / str(handle)).read_text()
    number = next(int(line.split()[1]) for line in told.splitlines() if line.startswith("mnt_id:"))
    return next((each for each in _mounts() if each.id == number), None)


def _lying(path: str, mount: Mount | None) -> Lying:
    if mount is None or not f"{path}/".startswith(f"{mount.point.rstrip('/')}/"):
        raise _taken_away(path)
    return Lying(path, mount)


def _taken_away(what: str) -> UnmappedError:
    return UnmappedError(f"{what} is on a mount that was taken away: leave it, and come back")


def _mounts() -> tuple[Mount, ...]:
    return parse((_PROC / "mountinfo").read_text(errors="surrogateescape"))
