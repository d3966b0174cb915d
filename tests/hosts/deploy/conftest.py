"""The lab that deploys are tried in: one for all tests, put back before each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from simulacra.testing.lab import Lab
from tests.hosts.deploy.site import HOSTS, Site

_NIX = Path("/nix")
_made: list[Site] = []
"""The last of them is the one in use."""


@pytest.fixture(scope="session")
def store() -> Iterator[None]:
    """The folder that hosts mount their stores on."""
    if shutil.which("nix") is None:
        reason = "deploys are tried with Nix: apt install nix-bin"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    is_new = not _NIX.exists()
    _NIX.mkdir(exist_ok=True)
    yield
    if is_new:
        with suppress(OSError):
            _NIX.rmdir()


@pytest.fixture
def site(labs: Callable[..., Lab], store: None) -> Site:
    """Hosts with their first system, and their nodes met."""
    lab = labs(*HOSTS, nodes=True)
    if _made and _made[-1].lab is lab:
        _made[-1].reset()
    else:
        _made.append(Site(lab))
    return _made[-1]
