from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from simulacra.actors.gateway.call import Handler
from simulacra.actors.gateway.server import Gateway
from simulacra.client import Client


class Serve(Protocol):
    def __call__(self, handlers: Mapping[str, Handler], calls: int = 8) -> Client: ...


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start gateways; after the test they are closed, and no thread or file may be left."""
    gateways: list[Gateway] = []
    path = tmp_path / "run" / "desk"
    before = set(threading.enumerate())

    def start(handlers: Mapping[str, Handler], calls: int = 8) -> Client:
        gateway = Gateway(path, handlers, node="desk", version="1.2.3", calls=calls)
        gateways.append(gateway)
        gateway.start()
        return Client(path)

    yield start
    for gateway in gateways:
        assert gateway.close()
    assert not path.exists()
    assert set(threading.enumerate()) <= before
