"""A bulk server and a client in one process, for tests of either."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from simulacra.actors.runtime.bulk import PIECE, Ticket
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.bulk_line import Line, LineError
from simulacra.actors.runtime.bulk_server import BulkServer
from simulacra.actors.runtime.keys import KeyPair

BYTES = os.urandom(3 * PIECE + 17)


class Ends:
    """A server and a client, in one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys, self.own = KeyPair.generate(), KeyPair.generate()
        self.admitted = {self.own.public}
        self.server = BulkServer("nas", "127.0.0.1", self.keys, self.admitted.__contains__)
        self.resolved = 0
        self.client = self.new_client()

    def new_client(self, keys: KeyPair | None = None) -> BulkClient:
        return BulkClient(keys or self.own, self.resolve, stall=1.5)

    def resolve(self, _: str) -> tuple[str, str]:
        self.resolved += 1
        return "127.0.0.1", self.keys.public

    def offer(self, data: bytes, name: str = "offered") -> Ticket:
        file = self.folder / name
        file.write_bytes(data)
        descriptor = os.open(file, os.O_RDONLY)
        try:
            return self.server.offer(descriptor)
        finally:
            os.close(descriptor)

    def fetch(self, ticket: Ticket) -> bytes:
        into = self.folder / "fetched"
        with into.open("wb") as file:
            self.client.fetch(ticket, file.fileno())
        return into.read_bytes()

    def line(self, keys: KeyPair | None = None) -> Line:
        return Line.dial("127.0.0.1", self.server.port, keys or self.own, self.keys.public, 5.0)

    def lines(self) -> int:
        with self.server._lock:  # where a thread has entered its line once it has started
            return len(self.server._lines)

    def lose(self, lost: Callable[[], bool]) -> None:
        """Let the server answer some questions by closing the line."""
        answer = self.server._answer

        def sometimes(*question: object) -> memoryview:
            if lost():
                raise LineError("loses this one")
            return answer(*question)  # type: ignore[arg-type]

        self.server._answer = sometimes  # type: ignore[assignment]


@contextmanager
def both_ends(folder: Path) -> Iterator[Ends]:
    """Both ends; at the end no thread and no descriptor of theirs is left."""
    ends = Ends(folder)
    try:
        yield ends
    finally:
        ends.client.close()
        ends.server.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bulk")]
    links = (Path("/proc/self/fd", each) for each in os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert not [link for link in links if str(folder) in os.path.realpath(link)]
