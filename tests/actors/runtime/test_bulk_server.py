"""Who is served and who is not, to talk to whom, and how it all ends."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from simulacra.actors.runtime import bulk_server
from simulacra.actors.runtime.bulk import PIECE, QUESTION, BulkError
from simulacra.actors.runtime.bulk_line import Line, LineError
from simulacra.actors.runtime.bulk_server import BulkServer
from simulacra.actors.runtime.keys import KeyPair
from tests.actors.runtime.bulk_ends import BYTES, Ends
from tests.support import eventually, no_thread


def test_what_is_withdrawn_is_gone(ends: Ends) -> None:
    ticket = ends.offer(b"secret")
    ends.server.withdraw(ticket)
    ends.server.withdraw(ticket)
    for ask in (ends.fetch, lambda ticket: ends.client.read(ticket, 0, 1)):
        with pytest.raises(BulkError, match="nas: the file is offered no more"):
            ask(ticket)


def test_garbage_and_impossible_offsets_end_nothing_but_their_line(ends: Ends) -> None:
    ticket = ends.offer(b"data")
    for garbage in (b"", b"x" * 27, b"x" * 1000):
        line = ends.line()
        line.send(garbage)
        with pytest.raises(LineError, match="closed the connection"):
            line.receive()
        line.close()
    assert ends.client.read(ticket, 2**64 - 1, 1) == b""
    assert ends.client.read(ticket, 0, 4) == b"data"


def test_who_comes_when_all_lines_are_in_use_is_turned_away(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_server, "_MAX_LINES", 1)
    ticket = ends.offer(b"data")
    line = ends.line()
    with pytest.raises(BulkError, match=r"nas (is gone|has closed)"):
        ends.client.read(ticket, 0, 4)
    line.close()
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ticket, 0, 4) == b"data"


def test_who_comes_when_no_thread_is_left_is_turned_away(ends: Ends) -> None:
    ticket = ends.offer(b"data")
    with no_thread("bulk@nas"), pytest.raises(BulkError, match=r"nas (is gone|has closed)"):
        ends.client.read(ticket, 0, 4)
    assert ends.lines() == 0
    assert ends.client.read(ticket, 0, 4) == b"data"


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
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert ends.lines() == 0


def test_it_listens_where_it_is_told() -> None:
    pair = KeyPair.generate()
    for host, reached in (("*", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1")):
        server = BulkServer("nas", host, pair, lambda _: True)
        Line.dial(reached, server.port, KeyPair.generate(), pair.public, 5.0).close()
        server.close()


def test_a_port_that_is_taken_is_the_callers_error(ends: Ends) -> None:
    pair, taken = KeyPair.generate(), ends.server.port
    with pytest.raises(OSError, match="in use"):
        BulkServer("desk", "127.0.0.1", pair, lambda _: True, taken)
    ends.server.close()
    server = BulkServer("desk", "127.0.0.1", pair, lambda _: True, taken)
    assert server.port == taken
    server.close()


def test_who_repeats_an_old_handshake_is_not_waited_for(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_server, "_HANDSHAKE", 0.05)
    line = ends.line()  # and asks nothing, as who cannot
    eventually(lambda: ends.lines() == 0)
    line.close()


def test_a_line_to_talk_over_is_the_takers_until_it_returns(ends: Ends) -> None:
    def echo(line: Line) -> None:
        line.send(line.receive().upper())

    ticket = ends.server.await_line(echo)
    with ends.client.talk(ticket) as line:
        line.send(b"words")
        assert line.receive() == b"WORDS"
        with pytest.raises(LineError):
            line.receive()
    with pytest.raises(BulkError, match="nas: nobody waits there"), ends.client.talk(ticket):
        pass
    eventually(lambda: ends.lines() == 0)


def test_an_offer_to_talk_can_be_withdrawn(ends: Ends) -> None:
    ticket = ends.server.await_line(lambda _: None)
    assert ends.server.withdraw(ticket)
    assert not ends.server.withdraw(ticket)
    with pytest.raises(BulkError, match="nobody waits there"), ends.client.talk(ticket):
        pass


def test_a_talk_ends_with_either_side(ends: Ends) -> None:
    ended = threading.Event()

    def wait(line: Line) -> None:
        try:
            line.receive()
        except LineError:
            ended.set()

    with ends.client.talk(ends.server.await_line(wait)):
        pass
    assert ended.wait(60)
    ended.clear()
    with ends.client.talk(ends.server.await_line(wait)) as line:
        ends.server.close()
        with pytest.raises(LineError):
            line.receive()
    assert ended.wait(60)
