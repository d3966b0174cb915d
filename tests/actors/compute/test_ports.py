"""Forwarded connections: bytes both ways, both ends, and nothing left open."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from simulacra.actors.compute import ports
from simulacra.actors.compute.ports import Close, Connect, Ports, Receive, Transmit
from simulacra.actors.runtime import ActorSystem, Ref
from tests.support import eventually, no_thread


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def dial(system: ActorSystem, server: socket.socket, idle: float = 60.0) -> tuple[Ref, int]:
    actor = system.spawn(Ports, idle)
    return actor, actor.ask(Connect(server.getsockname()[1]))


def test_bytes_go_both_ways_until_each_side_has_said_all(
    system: ActorSystem, server: socket.socket
) -> None:
    actor, number = dial(system, server)
    other, _ = server.accept()
    with other:
        actor.ask(Transmit(number, b"hello"))
        assert other.recv(100) == b"hello"
        other.sendall(b"world")
        assert actor.ask(Receive(number, 3)) == b"wor"
        assert actor.ask(Receive(number, 100)) == b"ld"
        actor.ask(Transmit(number, None))
        assert other.recv(100) == b""
        other.sendall(b"still")
        assert actor.ask(Receive(number, 100)) == b"still"
    assert actor.ask(Receive(number, 100)) is None


def test_nothing_to_receive_is_no_bytes(
    system: ActorSystem, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_WAIT", 0.01)
    actor, number = dial(system, server)
    assert actor.ask(Receive(number, 100)) == b""


@pytest.mark.parametrize("port", [1, 70_000, -1])
def test_a_port_that_nobody_listens_on_is_the_askers_error(system: ActorSystem, port: int) -> None:
    actor = system.spawn(Ports)
    with pytest.raises(OSError, match=r"refused|must be 0-65535|Servname"):
        actor.ask(Connect(port))
    assert actor.is_alive()


def test_without_a_thread_left_a_request_fails_and_connections_stay(
    system: ActorSystem, server: socket.socket
) -> None:
    actor, number = dial(system, server)
    other, _ = server.accept()
    with other:
        with no_thread("port@"), pytest.raises(OSError, match="can't start new thread"):
            actor.ask(Transmit(number, b"lost"))
        actor.ask(Transmit(number, b"hello"))
        assert other.recv(100) == b"hello"


def test_a_closed_connection_wakes_who_waits_and_is_an_error_after(
    system: ActorSystem, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_WAIT", 3600.0)
    actor, number = dial(system, server)
    waiting = actor.ask(Receive(number, 100), block=False)
    actor.tell(Close(number))
    actor.tell(Close(number))
    eventually(waiting.is_set)
    assert waiting.outcome()[0] is None
    for message in (Receive(number, 1), Transmit(number, b"x")):
        with pytest.raises(OSError, match=f"connection {number} is closed"):
            actor.ask(message)


def test_one_that_does_not_read_holds_up_nobody_else(
    system: ActorSystem, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_SEND_TIMEOUT", 3600.0)
    actor, slow = dial(system, server)
    stuck, _ = server.accept()
    sending = actor.ask(Transmit(slow, b"x" * 2**24), block=False)
    quick = actor.ask(Connect(server.getsockname()[1]), timeout=60)
    other, _ = server.accept()
    with stuck, other:
        actor.ask(Transmit(quick, b"hello"), timeout=60)
        assert other.recv(5) == b"hello"
        assert not sending.is_set()
    with pytest.raises(OSError, match=r"reset|[Bb]roken"):
        sending.get(timeout=60)


def test_what_nobody_asks_for_is_closed(system: ActorSystem, server: socket.socket) -> None:
    dial(system, server, idle=0.05)
    other, _ = server.accept()
    with other:
        other.settimeout(60)
        assert other.recv(1) == b""


def test_there_is_a_limit(
    system: ActorSystem, server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_LIMIT", 1)
    actor, number = dial(system, server)
    with pytest.raises(OSError, match="1 connections are forwarded already"):
        actor.ask(Connect(server.getsockname()[1]))
    actor.ask(Close(number))
    actor.ask(Connect(server.getsockname()[1]))


def test_the_end_closes_all(system: ActorSystem, server: socket.socket) -> None:
    actor, number = dial(system, server)
    other, _ = server.accept()
    waiting = actor.ask(Receive(number, 1), block=False)
    actor.stop()
    with other:
        assert other.recv(1) == b""
    eventually(waiting.is_set)
