"""The mount that a directory is on, exactly: also below binds and over-mounts.

A descriptor opened with O_PATH knows its mount, and opening it asks no file system: nothing here
waits for a host that is gone.
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
        return _lying(handle, os.getcwd())  # noqa: PTH109 - the same
    finally:
        os.close(handle)


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
        return _lying(handle, str((_PROC / "fd" / str(handle)).readlink()))
    finally:
        os.close(handle)


def _lying(handle: int, path: str) -> Lying:
    told = (_PROC / "fdinfo" / str(handle)).read_text()
    number = next(int(line.split()[1]) for line in told.splitlines() if line.startswith("mnt_id:"))
    mount = next((each for each in _mounts() if each.id == number), None)
    if mount is None or not f"{path}/".startswith(f"{mount.point.rstrip('/')}/"):
        raise UnmappedError(f"{path} is on a mount that was taken away: leave it, and come back")
    return Lying(path, mount)


def _mounts() -> tuple[Mount, ...]:
    return parse((_PROC / "mountinfo").read_text(errors="surrogateescape"))
