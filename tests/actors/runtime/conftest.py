"""Fixtures of the runtime's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.runtime.bulk_ends import Ends, both_ends


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    """A bulk server and a client."""
    with both_ends(tmp_path) as ends:
        yield ends
