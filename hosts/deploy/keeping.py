"""What deploys keep on the machine that they are begun on: a lock, and logs."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError

_KEPT: Final = 20
"""Deploys whose logs are kept."""


@contextmanager
def alone(state: Path) -> Iterator[int]:
    """Let one deploy run at a time on this machine.

    Yields:
        A descriptor that holds the lock, for the programs that change hosts to hold as well: they
        live on where the deploy is killed.

    Raises:
        GatewayError: ``denied``: another runs.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(state / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise GatewayError(
                ErrorCode.DENIED,
                "another deploy runs on this machine, and two would undo each other's work",
                "wait for its end, or stop it with Ctrl-C where it runs; of one that was killed, "
                "wait for what it had begun",
            ) from error
        yield handle
        fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def make_logs(state: Path, token: str) -> Path:
    """Make the folder of a deploy's logs, and let go of old ones."""
    folder = state / "logs"
    old = sorted(folder.iterdir()) if folder.exists() else []
    for each in old[: max(0, len(old) - _KEPT + 1)]:
        shutil.rmtree(each, ignore_errors=True)
    made = folder / token
    made.mkdir(parents=True, mode=0o700)
    return made
