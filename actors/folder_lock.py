"""One node a folder: a lock on it, so that no two of one name start the same computations.

The kernel holds the lock for the descriptor: it ends with the process, however that ends, and no
file has to be tidied up after a crash. It ends only when the last thread has, though, and one that
waits for a disk ends when the disk has answered. So a lock whose holder was killed is waited for,
and one whose holder lives is not: who holds it stands in its file.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError

PATIENCE: Final = 60.0
"""Seconds that a killed node is given to end."""
_PAUSE: Final = 0.02


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
    deadline, was_living = time.monotonic() + patience, False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            # Twice: for a moment it does not show that one is dying.
            is_living = not _is_dying(_holder(descriptor))
            if (is_living and was_living) or time.monotonic() > deadline:
                raise
            was_living = is_living
        time.sleep(_PAUSE)
    # Where there is no room for it the holder is not known, and not waited for.
    with suppress(OSError):
        os.pwrite(descriptor, b"%-20d\n" % os.getpid(), 0)


def _holder(descriptor: int) -> int:
    """The process that holds the lock; 0 where that is not known."""
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0


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
    pending = int(fields["SigPnd"], 16) | int(fields["ShdPnd"], 16)
    return "VmSize" not in fields or bool(pending >> (SIGKILL - 1) & 1)
