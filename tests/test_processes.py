"""Processes that were started meanwhile are found, and a lab's are left alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.actors.compute.workers import Worker, script
from tests.processes import processes_since, until_none

KEEPER = """
import subprocess, sys
for line in sys.stdin:
    print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
"""


@pytest.fixture
def keeper() -> Iterator[subprocess.Popen[str]]:
    """A child that starts a process for every line it reads."""
    argv = [sys.executable, "-c", KEEPER]
    with subprocess.Popen(argv, stdin=-1, stdout=-1, text=True, bufsize=1) as keeper:
        yield keeper
        started = psutil.Process(keeper.pid).children()
        for process in started:
            process.kill()
        keeper.kill()


def test_what_a_lab_starts_meanwhile_is_not_the_tests(keeper: subprocess.Popen[str]) -> None:
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    started = processes_since()
    print(file=keeper.stdin)
    pid = int(keeper.stdout.readline())
    assert psutil.pid_exists(pid)
    assert started() == []


def test_a_process_that_a_test_leaves_is_named() -> None:
    started = processes_since()
    with subprocess.Popen(["sleep", "600"]) as left:
        try:
            with pytest.raises(AssertionError, match=rf"still there.*{left.pid} .*'sleep', '600'"):
                until_none(started, within=0.0)
        finally:
            left.kill()
    until_none(started)


def test_a_worker_that_a_test_leaves_is_found(tmp_path: Path) -> None:
    started = processes_since()
    worker = Worker(script("def main(ctx): ctx.receive()"), tmp_path)
    try:
        assert started()
    finally:
        worker.close()
    until_none(started)
