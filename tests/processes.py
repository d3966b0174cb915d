"""Which processes a test started: those below this one, but for those of a lab that stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress

import psutil

from simulacra.actors.compute.forks import FORKS


def processes_since() -> Callable[[], list[str]]:
    """Take note of the processes below this one; what is called later gives the new ones.

    A child that is here already, as the keeper of other tests' lab, starts and ends what it likes:
    nothing below it counts, but for the server of workers, which works for whoever asks.
    """
    FORKS.get_ready()  # it stays for other tests
    server = FORKS._server
    assert server is not None
    others = [child for child in psutil.Process().children() if child.pid != server.pid]
    before = _below_but(others)
    return lambda: [_shown(process) for process in _below_but(others) - before]


def until_none(started: Callable[[], list[str]], within: float = 60.0) -> None:
    """Wait until none of the processes that were started is left."""
    deadline = time.monotonic() + within
    while left := started():
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.01)


def _below_but(others: Collection[psutil.Process]) -> set[psutil.Process]:
    found = set(psutil.Process().children(recursive=True))
    for other in others:
        with suppress(psutil.NoSuchProcess):
            found -= {other, *other.children(recursive=True)}
    return found


def _shown(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {process.status()} {process.cmdline()}"
    except psutil.NoSuchProcess:
        return f"{process.pid} has just ended"
