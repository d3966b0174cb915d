from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.scanning.index import Index
from tests.actors.data.scanning.observing import Tree


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tree.db"


@pytest.fixture
def index(path: Path) -> Iterator[Index]:
    index = Index(path)
    yield index
    index.close()


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    tree = Tree(tmp_path / "tree", tmp_path / "index" / "tree.db")
    yield tree
    tree.index.close()
