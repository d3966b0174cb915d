"""One node a folder: a lock on it, so that no two of one name start the same computations.

The kernel holds the lock for the descriptor: it ends with the process, however that ends, and no
file has to be tidied up after a crash.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from simulacra.actors.gateway.frames import ErrorCode, GatewayError


def lock(folder: Path, name: str) -> int:
    """Lock a node's folder, which is made where there is none; the descriptor holds the lock.

    Args:
        folder: of the node's state.
        name: the node's.

    Raises:
        GatewayError: another node holds it, or it cannot be locked.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
