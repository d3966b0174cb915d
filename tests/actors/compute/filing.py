"""One host that reads files of another, over real sockets."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

from simulacra.actors.compute.file_service import FILES, Files
from simulacra.actors.compute.messages import Answer, Request
from simulacra.actors.compute.remote_files import RemoteFiles
from simulacra.actors.runtime import Ref
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.bulk_server import BulkServer
from tests.actors.runtime.nodes import Network


class Reading:
    """Host ``b`` reads files of host ``a``."""

    def __init__(self, network: Network, files: type[Files] = Files) -> None:
        a, b = network.two()
        self.server = BulkServer("a", "127.0.0.1", a.pair, a.transport.admits)
        self.client = BulkClient(b.pair, lambda _: ("127.0.0.1", a.pair.public), stall=3.0)
        self.actor: Ref = a.system.spawn(files, self.server, name=FILES)
        self.remote = RemoteFiles(b.system, self.client)

    def ask(self, op: str, path: Path | str, offset: int = 0, size: int = 0) -> Answer:
        answers: queue.Queue[Answer] = queue.Queue()
        self.remote.serve(Request(1, op, "a", str(path), offset, size), answers.put)
        return answers.get(timeout=60)

    def value(self, op: str, path: Path | str, offset: int = 0, size: int = 0) -> Any:
        answer = self.ask(op, path, offset, size)
        assert answer.error is None, answer.error
        return answer.value

    def close(self) -> None:
        self.remote.close()
        self.client.close()
        self.server.close()
