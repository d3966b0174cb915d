"""Where running labs keep their state: a folder each below `ROOT`, of root alone.

A lab's folder is locked by its keeper for as long as that lives, so whoever can lock it knows that
the lab is dead, and removes what is left of it. Nothing else can be left: what a lab has of
processes, namespaces and mounts ends with its keeper.

::

    lock       held by the keeper       log      what keeper and hosts complain of
    control    the keeper's socket      pid      the keeper's process
    etc/       the hosts' /run/lab      disks/   the hosts' homes
    environ/   what was added to the environment of commands on them
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from simulacra.testing.lab.plan import LabError, check_name

_IN_MEMORY: Final = ("/run", "/dev/shm")  # noqa: S108 (who owns the folder in it is looked at)
_ROOM: Final = 2 << 30
_LOCK: Final = ".lock"


def _serves(folder: str) -> bool:
    """Whether homes of hosts find room in a folder's file system, and programs run from it."""
    if not os.path.ismount(folder):
        return False
    found = os.statvfs(folder)
    return found.f_blocks * found.f_frsize >= _ROOM and not found.f_flag & os.ST_NOEXEC


# On a disk that stands still for a while all hosts of all labs do.
ROOT: Final = Path(next(filter(_serves, _IN_MEMORY), "/run")) / "simulacra-lab"


def make(name: str) -> tuple[Path, int]:
    """Make the folder of a new lab, after removing what dead labs have left.

    Returns:
        The folder, and a descriptor that holds its lock; it is the keeper's from here on.

    Raises:
        LabError: a lab of that name runs, or the name is none.
    """
    check_name(name, "lab")
    with _all_locked():
        _reap()
        folder = ROOT / name
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            raise LabError(
                f"a lab named {name} runs already",
                f"simulacra lab down --lab {name}, or: simulacra lab up 5 --lab OTHER",
            ) from None
        lock = _lock(folder)
        assert lock is not None  # noqa: S101 (nobody else knows it yet)
        return folder, lock


def find(name: str) -> Path:
    """Return the folder of a running lab.

    Raises:
        LabError: there is none of that name.
    """
    check_name(name, "lab")
    with _all_locked():
        _reap()
        if (ROOT / name).is_dir():
            return ROOT / name
    others = ", ".join(running())
    hint = f"there is: {others}; choose with --lab NAME" if others else "simulacra lab up 5"
    raise LabError(f"no lab named {name} runs", hint)


def remove(folder: Path) -> None:
    """Remove the folder of a lab that ends, while nobody else takes it for a dead one's."""
    with _all_locked():
        shutil.rmtree(folder)


def running() -> list[str]:
    """Return the names of the labs that run."""
    with _all_locked():
        _reap()
        return sorted(each.name for each in ROOT.iterdir() if each.is_dir())


def _reap() -> None:
    for folder in ROOT.iterdir():
        if folder.is_dir() and (lock := _lock(folder)) is not None:
            shutil.rmtree(folder)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a lab's folder; None where its keeper has."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


@contextlib.contextmanager
def _all_locked() -> Iterator[None]:
    """Let nobody else look at the folders, make or reap any, for a moment.

    Raises:
        LabError: somebody else has made `ROOT`.
    """
    with contextlib.suppress(FileExistsError):
        ROOT.mkdir(mode=0o700)
    found = ROOT.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise LabError(f"{ROOT} is not a directory of yours", f"see who made it: ls -ld {ROOT}")
    handle = os.open(ROOT / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
