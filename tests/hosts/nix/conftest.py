"""One store of Nix for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.nix.nix import Nix, removing


@pytest.fixture(scope="session")
def nix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nix]:
    """Nix with a store of its own."""
    folder: Path = tmp_path_factory.mktemp("nix")
    with removing(folder / "store"):
        yield Nix(folder)
