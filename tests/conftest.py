"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulacra.actors.runtime import ActorSystem
from tests.support import nothing_left_behind


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    """One node's actor system; the test fails if it leaves an actor or a thread behind."""
    system = ActorSystem("test")
    with nothing_left_behind(system):
        try:
            yield system
        finally:
            killed = system.stop(timeout=2)
    assert killed == []
