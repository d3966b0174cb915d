"""Fixtures of the worker side: every worker is ended, and none may leave a process.

The server that forks them stays for the next test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from simulacra.actors.compute.forks import FORKS
from simulacra.actors.compute.spec import Spec
from tests.actors.compute.workers import Worker, eventually

Spawn = Callable[..., Worker]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Starts workers; at the end nothing of them is left."""
    FORKS.get_ready()
    before = set(psutil.Process().children(recursive=True))  # a lab's, perhaps
    workers: list[Worker] = []

    def start(spec: Spec, snapshot: int | None = None) -> Worker:
        worker = Worker(spec, tmp_path, snapshot)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.close()
    eventually(lambda: set(psutil.Process().children(recursive=True)) <= before)
