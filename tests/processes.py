"""Which processes a test started: those below this one, but for those of a lab that stays."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import NamedTuple

import psutil

from simulacra.actors.compute.forks import FORKS

_MOST = 4096  # of what is read, which is one line of some hundred bytes


class Started(NamedTuple):
    """A process, and when it started, in clock ticks: another may get its number."""

    pid: int
    at: int


def processes_since() -> Callable[[], list[str]]:
    """Take note of the processes below this one; what is called later gives the new ones.

    A child that is here already, as the keeper of other tests' lab, starts and ends what it likes:
    nothing below it counts, but for the server of workers, which works for whoever asks.
    """
    FORKS.get_ready()  # it stays for other tests
    server = FORKS._server
    assert server is not None
    others = [child for child in _children()[os.getpid()] if child.pid != server.pid]
    before = _below_but(others)
    return lambda: [_shown(process) for process in _below_but(others) - before]


def until_none(started: Callable[[], list[str]], within: float = 60.0) -> None:
    """Wait until none of the processes that were started is left."""
    deadline = time.monotonic() + within
    while left := started():
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.01)


def _below_but(others: Collection[Started]) -> set[Started]:
    children, found, parents = _children(), set[Started](), [os.getpid()]
    while parents:
        new = set(children[parents.pop()]) - found - set(others)
        found |= new
        parents += [child.pid for child in new]
    return found


def _children() -> defaultdict[int, list[Started]]:
    """All processes by their parents: psutil looks at each several times, once for each child."""
    found = defaultdict(list)
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 (names are numbers)
        with suppress(FileNotFoundError, ProcessLookupError):
            # proc_pid_stat(5), from the third field on: a name may have spaces and brackets.
            with open(f"/proc/{name}/stat", "rb", buffering=0) as file:  # noqa: PTH123 (quicker)
                fields = file.read(_MOST).rpartition(b")")[2].split(None, 20)
            found[int(fields[1])].append(Started(int(name), int(fields[19])))
    return found


def _shown(process: Started) -> str:
    try:
        shown = psutil.Process(process.pid)
        return f"{process.pid} {shown.status()} {shown.cmdline()}"
    except psutil.NoSuchProcess:
        return f"{process.pid} has just ended"
