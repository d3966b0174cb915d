"""The TCP connection behind a frame is found and shut down; another one never is."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
import zmq

from simulacra.actors.runtime.connections import Wire
from tests.actors.runtime.nodes import eventually


@dataclass
class Received:
    """A frame that a ROUTER at a port received, and what tells that its connection is closed."""

    frame: zmq.Frame
    port: int
    monitor: zmq.Socket[bytes]
    sender: zmq.Socket[bytes]

    def wire(self) -> Wire:
        return Wire.of(self.frame, self.port)

    def close(self) -> None:
        self.sender.close()
        assert self.monitor.recv_multipart()


@pytest.fixture
def received() -> Iterator[Received]:
    with zmq.Context() as context:
        router: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        dealer: zmq.Socket[bytes] = context.socket(zmq.DEALER)
        router.rcvtimeo, router.linger, dealer.linger, dealer.reconnect_ivl = 5000, 0, 0, -1
        with router, dealer:
            port = router.bind_to_random_port("tcp://127.0.0.1")
            monitor = router.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            monitor.rcvtimeo = 5000
            dealer.connect(f"tcp://127.0.0.1:{port}")
            dealer.send(b"hello")
            router.recv()
            yield Received(router.recv(copy=False), port, monitor, dealer)
            router.disable_monitor()
            monitor.close()


def test_shutting_a_wire_makes_the_router_drop_the_connection(received: Received) -> None:
    wire = received.wire()
    wire.shut()
    assert received.monitor.recv_multipart()
    wire.shut()  # and again: it is gone, which is no error


def test_a_descriptor_in_use_for_something_else_is_left_alone(received: Received) -> None:
    wire = received.wire()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        replace(wire, descriptor=ours.fileno()).shut()
        ours.send(b"still open")
        assert theirs.recv(100) == b"still open"
    reader, writer = os.pipe()
    replace(wire, descriptor=reader).shut()
    os.write(writer, b"x")
    os.close(reader)
    os.close(writer)


def test_a_socket_pair_with_the_number_of_a_closed_connection_is_left_alone(
    received: Received,
) -> None:
    with ExitStack() as pairs:
        other, far = (pairs.enter_context(end) for end in socket.socketpair())
        received.close()
        near = pairs.enter_context(_at(int(received.frame.get(zmq.SRCFD)), other))
        wire = received.wire()
        wire.shut()
        near.send(b"still open")
        assert far.recv(100) == b"still open"
        assert wire.other_end is None


def test_a_connection_to_another_port_is_left_alone(received: Received) -> None:
    assert replace(received, port=received.port ^ 1).wire().other_end is None


def _at(number: int, end: socket.socket) -> socket.socket:
    """A socket at a number that is free soon, as libzmq closes it; it must not be taken before."""

    def taken() -> socket.socket | None:
        descriptor = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, number)
        if descriptor == number:
            return socket.socket(fileno=descriptor)
        os.close(descriptor)
        return None

    found: socket.socket = eventually(taken)
    return found
