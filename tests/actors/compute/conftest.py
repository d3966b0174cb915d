"""Fixtures: workers, of which every one is ended and none may leave a process; files elsewhere.

The server that forks them stays for the next test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulacra.actors.compute.spec import Spec
from tests.actors.compute.filing import Reading
from tests.actors.compute.workers import Worker
from tests.actors.runtime.nodes import Network
from tests.processes import processes_since, until_none

Spawn = Callable[..., Worker]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Starts workers; at the end nothing of them is left."""
    started = processes_since()
    workers: list[Worker] = []

    def start(spec: Spec, snapshot: int | None = None) -> Worker:
        worker = Worker(spec, tmp_path, snapshot)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.close()
    until_none(started)


@pytest.fixture
def reading() -> Iterator[Reading]:
    """Host ``b`` reads files of host ``a``."""
    with Network("a", "b") as network:
        reading = Reading(network)
        yield reading
        reading.close()
