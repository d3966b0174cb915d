"""The mount that the current directory is on, exactly: also below binds and over-mounts.

A descriptor opened with O_PATH knows its mount, and opening it asks no file system: nothing here
waits for a host that is gone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from simulacra.actors.compute.mounts import Lying, UnmappedError, parse

_PROC: Final = Path("/proc/self")


def current_directory() -> Lying:
    """Where the current directory lies.

    Raises:
        FileNotFoundError: it was removed.
        UnmappedError: its mount was taken away while it was in use.
    """
    handle = os.open(".", os.O_PATH | os.O_CLOEXEC)
    try:
        told = (_PROC / "fdinfo" / str(handle)).read_text()
        path = os.getcwd()  # noqa: PTH109 - the same
    finally:
        os.close(handle)
    number = next(int(line.split()[1]) for line in told.splitlines() if line.startswith("mnt_id:"))
    mounts = parse((_PROC / "mountinfo").read_text(errors="surrogateescape"))
    mount = next((each for each in mounts if each.id == number), None)
    if mount is None or not f"{path}/".startswith(f"{mount.point.rstrip('/')}/"):
        raise UnmappedError(f"{path} is on a mount that was taken away: leave it, and come back")
    return Lying(path, mount)
