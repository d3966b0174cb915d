"""The TCP connection behind a frame is found and shut down; another one never is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
import zmq

from simulacra.actors.runtime.connections import Wire


@pytest.fixture
def frame() -> Iterator[tuple[zmq.Frame, zmq.Socket[bytes]]]:
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
            yield router.recv(copy=False), monitor
            router.disable_monitor()
            monitor.close()


def test_shutting_a_wire_makes_the_router_drop_the_connection(
    frame: tuple[zmq.Frame, zmq.Socket[bytes]],
) -> None:
    message, monitor = frame
    wire = Wire.of(message)
    wire.shut()
    assert monitor.recv_multipart()
    wire.shut()  # and again: it is gone, which is no error


def test_a_descriptor_in_use_for_something_else_is_left_alone(
    frame: tuple[zmq.Frame, zmq.Socket[bytes]],
) -> None:
    message, _ = frame
    wire = Wire.of(message)
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
