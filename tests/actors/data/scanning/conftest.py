from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.scanning.index import Index


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tree.db"


@pytest.fixture
def index(path: Path) -> Iterator[Index]:
    index = Index(path)
    yield index
    index.close()
