"""One node a folder: a lock on it, so that no two of one name start the same computations.

The kernel holds the lock for the descriptor: it ends with the process, however that ends, and no
file has to be tidied up after a crash. It ends only when the last thread has, though, and one that
waits for a disk ends when the disk has answered. So a lock whose holder was killed is waited for,
and one whose holder lives is not: who holds it stands in its file.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import Final

from simulacra.actors.boot import boot_id
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

logger = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds that a killed node is given to end."""
_PAUSE: Final = 0.02
_LINE: Final = 128


def lock(folder: Path, name: str, patience: float = PATIENCE) -> int:
    """Lock a node's folder, which is made where there is none; the descriptor holds the lock.

    Args:
        folder: of the node's state.
        name: the node's.
        patience: seconds to wait for a node that was killed, and has not quite ended.

    Raises:
        GatewayError: another node holds it, or it cannot be locked.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _take(descriptor, patience)
        except OSError:
            os.close(descriptor)
            raise
    except BlockingIOError as error:
        raise GatewayError(
            ErrorCode.FAILED,
            f"node {name} is already up on this machine: it holds {folder}",
            f"use it, stop it with: simulacra down --node {name}, "
            "or give the new one another --name",
        ) from error
    except OSError as error:
        raise GatewayError(
            ErrorCode.FAILED,
            f"the folder of node {name}, {folder}, cannot be locked: {error.strerror}",
            "make it this user's and writable, on a disk of this machine; or choose another: "
            "SIMULACRA_HOME=DIR simulacra up",
        ) from error
    return descriptor


def _take(descriptor: int, patience: float) -> None:
    deadline, was_living, is_told = time.monotonic() + patience, False, False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            # Twice: for a moment it does not show that one is dying.
            holder = _holder(descriptor)
            is_living = not _is_dying(holder)
            if (is_living and was_living) or time.monotonic() > deadline:
                raise
            if not is_living and not is_told:
                logger.info("waiting for the node before, process %d, which was killed", holder)
                is_told = True
            was_living = is_living
        time.sleep(_PAUSE)
    # Where there is no room for it the holder is not known, and not waited for.
    with suppress(OSError):
        os.pwrite(descriptor, f"{os.getpid()} {_numbering()}\n".ljust(_LINE).encode(), 0)


def _holder(descriptor: int) -> int:
    """The process that holds the lock; 0 where that is not known."""
    number, _, numbering = os.pread(descriptor, _LINE, 0).decode(errors="replace").partition(" ")
    return int(number) if number.isdigit() and numbering.strip() == _numbering() else 0


def _numbering() -> str:
    """What numbers processes here: on another machine, or in a container, theirs are others."""
    try:
        return f"{boot_id().decode()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return "unknown"


def _is_dying(process: int) -> bool:
    """Whether a process was killed, and has threads that have not ended."""
    return any(map(_is_ending, Path(f"/proc/{process}/task").glob("*/status")))


def _is_ending(status: Path) -> bool:
    """Whether a thread is to end, or does: it has yet to take its SIGKILL, or has no memory."""
    try:
        lines = status.read_text(errors="replace").splitlines()
    except OSError:
        return True
    fields = dict(line.partition(":")[::2] for line in lines)
    pending = int(fields.get("SigPnd", "0"), 16) | int(fields.get("ShdPnd", "0"), 16)
    return "VmSize" not in fields or bool(pending >> (SIGKILL - 1) & 1)
