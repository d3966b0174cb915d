"""Threads, of which the process may have none left."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import TypeVarTuple

Arguments = TypeVarTuple("Arguments")


def start_thread(
    target: Callable[[*Arguments], object], *args: *Arguments, name: str
) -> threading.Thread:
    """Start a daemon thread that calls ``target(*args)``.

    Raises:
        BlockingIOError: the process, or its user, has as many threads as it may.
    """
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise BlockingIOError(errno.EAGAIN, f"{error}; try again later") from error
    return thread
