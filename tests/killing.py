"""A program killed at its n-th system call of a kind, by strace."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import pytest

CALLS = "pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate"
"""What changes a disk."""

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


class Point(NamedTuple):
    """Where a program is killed: as it makes a call for the n-th time."""

    call: str
    when: int


def points(log: Path, program: str, *arguments: str, most: int) -> list[Point]:
    """Where a program that runs through could be killed; so many at most, spread evenly.

    Args:
        log: a file that this may write.
        program: Python.
        arguments: its own.
        most: how many.
    """
    done = _run(["-o", str(log)], program, arguments)
    assert done.returncode == 0, done.stderr
    counts: Counter[str] = Counter()
    found = []
    for call in re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE):
        counts[call] += 1
        found.append(Point(call, counts[call]))
    assert found
    return found[:: -(-len(found) // most)]


def killed(point: Point, program: str, *arguments: str) -> str:
    """What a program printed until it was killed."""
    inject = f"inject={point.call}:signal=KILL:when={point.when}"
    done = _run(["-o", os.devnull, "-e", inject], program, arguments)
    assert done.returncode == -9, done.stderr
    return done.stdout


def _run(
    options: list[str], program: str, arguments: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    command = ["strace", "-f", "-qq", "-e", f"trace={CALLS}", *options]
    return subprocess.run(
        [*command, sys.executable, "-B", "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def ended_at(step: int, events: Collection[str], run: Callable[[], object]) -> bool:
    """Run something in a fork that is killed just before its n-th audit event of these kinds.

    False if it has fewer.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status)
    left = step

    def count(event: str, _: object) -> None:
        nonlocal left
        if event in events:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        run()
    finally:
        os._exit(0)
