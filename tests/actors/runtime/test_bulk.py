"""Bulk bytes over real CURVE sockets: whole, in pieces, and every way to come to an end."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from simulacra.actors.runtime import bulk
from simulacra.actors.runtime.bulk import PIECE, BulkClient, BulkError, BulkServer, Ticket
from simulacra.actors.runtime.keys import KeyList, KeyPair
from tests.actors.runtime.nodes import Network

BYTES = os.urandom(3 * PIECE + 17)


class Ends:
    """A server and a client, in one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.keys = KeyPair.generate()
        self.server = BulkServer("nas", "127.0.0.1", self.keys, self.context)
        self.client = BulkClient(
            KeyPair.generate(), self.context, lambda _: ("127.0.0.1", self.keys.public), stall=1.5
        )

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


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    ends = Ends(tmp_path)
    try:
        yield ends
    finally:
        ends.server.close()
        ends.context.term()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bulk@")]
    links = (Path("/proc/self/fd", each) for each in os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert not [link for link in links if str(tmp_path) in os.path.realpath(link)]


@pytest.mark.parametrize("size", [0, 1, PIECE, len(BYTES)])
def test_a_file_comes_whole(ends: Ends, size: int) -> None:
    assert ends.fetch(ends.offer(BYTES[:size])) == BYTES[:size]
    assert (ends.client.bandwidth("nas") is not None) == (size >= PIECE)


def test_pieces_are_read_anywhere_and_end_where_the_file_does(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    assert ends.client.read(ticket, PIECE - 3, 7) == BYTES[PIECE - 3 : PIECE + 4]
    assert ends.client.read(ticket, len(BYTES) - 2, 100) == BYTES[-2:]
    assert ends.client.read(ticket, len(BYTES) + 5, 100) == b""


def test_what_is_withdrawn_is_gone(ends: Ends) -> None:
    ticket = ends.offer(b"secret")
    ends.server.withdraw(ticket)
    ends.server.withdraw(ticket)
    for ask in (ends.fetch, lambda ticket: ends.client.read(ticket, 0, 1)):
        with pytest.raises(BulkError, match="nas: the file is offered no more"):
            ask(ticket)


def test_the_longest_idle_offer_gives_way(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_MAX_OFFERS", 2)
    first, second = ends.offer(b"one", "one"), ends.offer(b"two", "two")
    assert ends.client.read(first, 0, 3) == b"one"
    third = ends.offer(b"three", "three")
    with pytest.raises(BulkError, match="offered no more"):
        ends.client.read(second, 0, 3)
    assert ends.client.read(first, 0, 3) == b"one"
    assert ends.client.read(third, 0, 5) == b"three"


def test_a_file_that_shrinks_meanwhile_is_an_error(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    os.truncate(ends.folder / "offered", PIECE + 1)
    with pytest.raises(BulkError, match="the file changed while it was fetched"):
        ends.fetch(ticket)


def test_a_disk_that_is_full_is_an_error_of_the_disk(ends: Ends) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left"):
            ends.client.fetch(ends.offer(BYTES), full)
    finally:
        os.close(full)


def test_garbage_and_impossible_offsets_end_nothing(ends: Ends) -> None:
    ticket = ends.offer(b"data")
    with ends.client._connection(ticket) as socket:
        for request in ([b""], [b"x" * 31], [b"1", b"2", b"3"]):
            socket.send_multipart(request)
    with pytest.raises(BulkError, match="nas: "):
        ends.client.read(ticket, 2**64 - 1, 1)
    assert ends.client.read(ticket, 0, 4) == b"data"


def test_a_server_that_is_silent_is_given_up(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    ends.server.close()
    with pytest.raises(BulkError, match=f"nas stopped sending: {len(BYTES)} bytes are missing"):
        ends.fetch(ticket)
    with pytest.raises(BulkError, match=r"nas sent nothing for 1\.5 s"):
        ends.client.read(ticket, 0, 1)


def test_silences_with_pieces_between_them_are_endured(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ends.server._answer
    lost = iter([False, True, True, True, False, True, True] + [False] * 100)
    monkeypatch.setattr(ends.server, "_answer", lambda *of: None if next(lost) else answer(*of))
    assert ends.fetch(ends.offer(BYTES)) == BYTES


def test_a_node_that_goes_down_ends_its_fetches(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    ends.server.close()
    failed: list[BaseException] = []

    def fetch() -> None:
        try:
            BulkClient(KeyPair.generate(), ends.context, ends.client._resolve).read(ticket, 0, 1)
        except BulkError as error:
            failed.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    ends.context.term()
    thread.join(5)
    assert [str(error)[:36] for error in failed] == ["nothing more can be fetched from nas"]
    ends.context = zmq.Context()


def test_a_stranger_gets_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"secret")
    with Network("a", "b") as network:
        node = network.node("a")
        context = node.transport.context

        def client(keys: KeyPair, stall: float) -> BulkClient:
            return BulkClient(keys, context, lambda _: ("127.0.0.1", node.pair.public), stall=stall)

        server = BulkServer("a", "127.0.0.1", node.pair, context)
        try:
            with (tmp_path / "file").open("rb") as file:
                ticket = server.offer(file.fileno())
            assert client(network.pairs["b"], 10.0).read(ticket, 0, 6) == b"secret"
            with pytest.raises(BulkError):
                client(KeyPair.generate(), 0.5).read(ticket, 0, 6)
        finally:
            server.close()  # an open socket would keep the node from closing


def test_an_expelled_key_gets_nothing_over_its_old_connection(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"secret")
    with Network("a", "b") as network:
        node, expelled = network.node("a"), network.pairs["b"]
        context = node.transport.context
        server = BulkServer("a", "127.0.0.1", node.pair, context, node.transport.admits)
        client = BulkClient(
            expelled, context, lambda _: ("127.0.0.1", node.pair.public), stall=10.0
        )
        try:
            with (tmp_path / "file").open("rb") as file:
                ticket = server.offer(file.fileno())
            request = bulk._READ.pack(ticket.id, 0, 6)
            with client._connection(ticket) as old:
                old.send(request)
                assert old.recv_multipart()[2] == b"secret"
                node.transport.admit(KeyList([]))
                old.rcvtimeo = 300
                old.send(request)
                with pytest.raises(zmq.Again):
                    old.recv_multipart()
        finally:
            server.close()
