"""Fixtures for every test."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from simulacra.actors.runtime import ActorSystem
from simulacra.testing.lab import why_not
from simulacra.testing.lab.fixtures import labs
from tests.support import DEADLINE, is_long_run, nothing_left_behind

__all__ = ["labs"]  # a fixture, found by its name

# `make test` is a make as well: one that a test runs is not below it.
for _name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"):
    os.environ.pop(_name, None)

# Without what was compiled once every process that tests start would compile all it imports, and
# pytest rewrite all tests each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell has what it starts in the background ignore Ctrl-C; all that is tested would, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Files of tests are in memory where there is room: what is synced is as safe from a kill there, and
# costs nothing. TMPDIR says where else; .ci/run has them on the disk.
_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30
_LAB_TIMEOUT = 300
if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM:
    tempfile.tempdir = os.environ["TMPDIR"] = str(_MEMORY)

# Noisy machines make examples slow now and then; in CI the examples are the same each time.
settings.register_profile(
    "tests",
    deadline=None,
    max_examples=200 if is_long_run() else 50,
    derandomize="CI" in os.environ,
)
settings.load_profile("tests")


# What is imported and collected stays: to look through it again and again takes a sixth of that.
gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests in labs take longer: each starts many machines on this one."""
    for item in items:
        if item.get_closest_marker("lab") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_LAB_TIMEOUT))


def pytest_collection_finish() -> None:
    """Look for garbage from now on, and only in what tests make."""
    gc.freeze()
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip lab tests where there can be no lab, saying why; in CI that is a failure."""
    reason = why_not() if item.get_closest_marker("lab") else None
    if reason is not None and os.environ.get("CI"):
        pytest.fail(f"no lab test may be skipped in CI: {reason}")
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    """One node's actor system; the test fails if it leaves an actor or a thread behind."""
    system = ActorSystem("test")
    with nothing_left_behind(system):
        try:
            yield system
        finally:
            killed = system.stop(timeout=DEADLINE)
    assert killed == []
