"""Bulk bytes over real lines: whole, in pieces, and every way to come to an end."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulacra.actors.runtime import bulk, bulk_client
from simulacra.actors.runtime.bulk import PIECE, QUESTION, BulkError, BulkServer, Ticket
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.bulk_line import Line, LineError
from simulacra.actors.runtime.keys import KeyPair
from tests.support import eventually

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
        self.clients = [self.client]

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
        return len(self.server._lines)


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    ends = Ends(tmp_path)
    try:
        yield ends
    finally:
        ends.client.close()
        ends.server.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bulk")]
    links = (Path("/proc/self/fd", each) for each in os.listdir("/proc/self/fd"))  # noqa: PTH208
    assert not [link for link in links if str(tmp_path) in os.path.realpath(link)]


@pytest.mark.parametrize("size", [0, 1, PIECE, len(BYTES)])
def test_a_file_comes_whole(ends: Ends, size: int) -> None:
    assert ends.fetch(ends.offer(BYTES[:size])) == BYTES[:size]
    assert (ends.client.bandwidth("nas") is not None) == (size >= PIECE)


def test_it_tells_how_far_it_is(ends: Ends) -> None:
    told: list[int] = []
    with (ends.folder / "fetched").open("wb") as file:
        ends.client.fetch(ends.offer(BYTES), file.fileno(), progress=told.append)
    assert told == [PIECE, 2 * PIECE, 3 * PIECE, len(BYTES)]


def test_pieces_are_read_anywhere_and_end_where_the_file_does(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    assert ends.client.read(ticket, PIECE - 3, 7) == BYTES[PIECE - 3 : PIECE + 4]
    assert ends.client.read(ticket, len(BYTES) - 2, 100) == BYTES[-2:]
    assert ends.client.read(ticket, len(BYTES) + 5, 100) == b""
    assert ends.client.read(ticket, 0, 2 * PIECE) == BYTES[:PIECE]


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


def test_garbage_and_impossible_offsets_end_nothing_but_their_line(ends: Ends) -> None:
    ticket = ends.offer(b"data")
    for garbage in (b"", b"x" * 27, b"x" * 1000):
        line = ends.line()
        line.send(garbage)
        with pytest.raises(LineError, match="closed the connection"):
            line.receive()
        line.close()
    with pytest.raises(BulkError, match="nas: "):
        ends.client.read(ticket, 2**64 - 1, 1)
    assert ends.client.read(ticket, 0, 4) == b"data"


# -- lines that are kept


def test_a_line_is_kept_and_used_again(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    for offset in range(5):
        assert ends.client.read(ticket, offset, 1) == BYTES[offset : offset + 1]
    assert ends.fetch(ticket) == BYTES
    assert ends.lines() == 1
    assert ends.resolved == 6  # another key or address of the same name would have another line


def test_two_at_a_time_have_a_line_each(ends: Ends) -> None:
    ticket, barrier = ends.offer(BYTES), threading.Barrier(2)
    borrow = ends.server._offers.borrow

    def wait_for_both(ticket: bytes) -> int | None:
        barrier.wait(5)
        return borrow(ticket)

    ends.server._offers.borrow = wait_for_both  # type: ignore[method-assign]
    threads = [threading.Thread(target=ends.client.read, args=(ticket, 0, 1)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    eventually(lambda: ends.lines() == 1)  # of two one is kept


def test_a_line_that_lay_idle_is_closed(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_client, "LINE_IDLE", 0.1)
    assert ends.client.read(ends.offer(b"data"), 0, 4) == b"data"
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ends.offer(b"data"), 0, 4) == b"data"


def test_the_server_closes_who_is_silent_and_the_client_dials_again(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "LINE_IDLE", 0.05)
    ticket = ends.offer(b"data")
    assert ends.client.read(ticket, 0, 4) == b"data"
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ticket, 0, 4) == b"data"


def test_who_comes_when_all_lines_are_in_use_is_turned_away(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_MAX_LINES", 1)
    ticket = ends.offer(b"data")
    line = ends.line()
    with pytest.raises(BulkError, match=r"nas (is gone|has closed)"):
        ends.client.read(ticket, 0, 4)
    line.close()
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ticket, 0, 4) == b"data"


# -- silence


def lose(ends: Ends, lost: Callable[[], bool]) -> None:
    """Let the server answer some questions by closing the line."""
    answer = ends.server._answer

    def sometimes(*question: object) -> memoryview:
        if lost():
            raise LineError("loses this one")
        return answer(*question)  # type: ignore[arg-type]

    ends.server._answer = sometimes  # type: ignore[assignment]


def test_lines_that_break_with_pieces_between_them_are_endured(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_client, "WINDOW", 1)  # unread questions would take answers with them
    lost = iter([False, True, False, True, False, True, False])
    lose(ends, lambda: next(lost, False))
    assert ends.fetch(ends.offer(BYTES)) == BYTES


def test_a_server_that_is_gone_is_given_up(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    ends.server.close()
    with pytest.raises(BulkError, match=f"{len(BYTES)} bytes are missing: nas cannot be reached"):
        ends.fetch(ticket)
    with pytest.raises(BulkError, match="nas cannot be reached at 127"):
        ends.client.read(ticket, 0, 1)


def test_a_server_that_is_silent_is_given_up(ends: Ends) -> None:
    ticket, opened = ends.offer(BYTES), threading.Event()
    lose(ends, lambda: opened.wait(10) and False)
    with pytest.raises(BulkError, match="nas sent nothing in time"):
        ends.client.read(ticket, 0, 1)
    opened.set()


def test_a_client_that_goes_down_ends_what_it_fetches(ends: Ends) -> None:
    ticket, entered, opened = ends.offer(BYTES), threading.Event(), threading.Event()

    def hold() -> bool:
        entered.set()
        opened.wait(10)
        return False

    lose(ends, hold)
    failed: list[BulkError] = []

    def fetch() -> None:
        try:
            ends.client.fetch(ticket, 0)
        except BulkError as error:
            failed.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    entered.wait(5)
    began = time.monotonic()
    ends.client.close()
    thread.join(5)
    opened.set()
    assert time.monotonic() - began < 1.0
    assert "going down" in str(failed[0])


# -- who may


def test_a_stranger_gets_nothing(ends: Ends) -> None:
    ticket = ends.offer(b"secret")
    stranger = ends.new_client(KeyPair.generate())
    with pytest.raises(BulkError, match="nas has closed the connection"):
        stranger.read(ticket, 0, 6)
    stranger.close()
    assert ends.client.read(ticket, 0, 6) == b"secret"


def test_an_expelled_key_gets_nothing_over_its_old_line(ends: Ends) -> None:
    ticket, line = ends.offer(b"secret"), ends.line()
    question = QUESTION.pack(ticket.id, 0, 6)
    line.send(question)
    assert line.receive().endswith(b"secret")
    ends.admitted.clear()
    line.send(question)
    with pytest.raises(LineError, match="closed the connection"):
        line.receive()
    line.close()


def test_another_node_at_its_address_is_not_taken_for_it(ends: Ends) -> None:
    ticket = ends.offer(b"secret")
    ends.keys = KeyPair.generate()
    with pytest.raises(BulkError, match="nas has closed the connection"):
        ends.client.read(ticket, 0, 6)


def test_a_hundred_connections_of_garbage_end_nothing(ends: Ends) -> None:
    for number in range(100):
        with socket.create_connection(("127.0.0.1", ends.server.port), 5.0) as garbage:
            garbage.send(os.urandom(number))
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ends.offer(b"data"), 0, 4) == b"data"


def test_it_closes_while_questions_are_asked(ends: Ends) -> None:
    ticket = ends.offer(BYTES)

    def ask() -> None:
        try:
            while True:
                ends.client.read(ticket, 0, PIECE)
        except BulkError:
            return

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: ends.lines() > 1)
    ends.server.close()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
    assert ends.lines() == 0


def test_it_listens_where_it_is_told() -> None:
    pair = KeyPair.generate()
    for host, reached in (("*", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1")):
        server = BulkServer("nas", host, pair, lambda _: True)
        Line.dial(reached, server.port, KeyPair.generate(), pair.public, 5.0).close()
        server.close()
