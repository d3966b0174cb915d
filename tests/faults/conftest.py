"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.onehost import Host, one_host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A node in this process; the test fails if anything of it is left."""
    with one_host(tmp_path) as host:
        yield host
