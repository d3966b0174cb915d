"""Entries become numbered frames, in order, over a real pair of sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
import zmq

from simulacra.actors.runtime.outbox import FULL, Outbox

Pair = tuple[Outbox, zmq.Socket[bytes]]


@pytest.fixture
def ends() -> Iterator[Pair]:
    with zmq.Context() as context:
        left: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        right: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        right.rcvtimeo = 5000
        right.bind("inproc://pair")
        left.connect("inproc://pair")
        outbox = Outbox(left)
        with right:
            yield outbox, right
        outbox.close()


def objects(data: bytes) -> list[Any]:
    unpacker = msgpack.Unpacker()
    unpacker.feed(data)
    return list(unpacker)


def test_what_waits_goes_into_one_frame(ends: Pair) -> None:
    outbox, wire = ends
    outbox.add(msgpack.packb([1]), charge=10)
    outbox.add(msgpack.packb([2]))
    outbox.add(msgpack.packb([3]), charge=5)
    outbox.flush()
    outbox.add(msgpack.packb([4]))
    outbox.flush()
    outbox.flush()
    assert objects(wire.recv()) == [[0, 1, 3, 2, 15], [1], [2], [3]]
    assert objects(wire.recv()) == [[0, 4, 1, 0, 0], [4]]
    with pytest.raises(zmq.Again):
        wire.recv(zmq.DONTWAIT)


def test_it_says_when_it_is_time_to_flush(ends: Pair) -> None:
    outbox, _ = ends
    half = b"x" * (FULL // 2)
    assert not outbox.add(half)
    assert outbox.add(half)
    outbox.flush()
    assert not outbox.add(half)


def test_a_beat_shows_the_next_number(ends: Pair) -> None:
    outbox, wire = ends
    outbox.add(msgpack.packb([1]))
    outbox.beat()
    outbox.beat()
    assert objects(wire.recv()) == [[0, 1, 1, 0, 0], [1]]
    assert objects(wire.recv()) == [[0, 2, 0, 0, 0]]


def test_buffers_follow_as_parts(ends: Pair) -> None:
    outbox, wire = ends
    outbox.add(msgpack.packb([1]))
    outbox.flush([b"first", memoryview(b"second")])
    assert wire.recv_multipart()[1:] == [b"first", b"second"]


def test_what_no_wire_takes_is_counted() -> None:
    with zmq.Context() as context:
        outbox = Outbox(context.socket(zmq.PAIR))
        outbox.beat()
        assert outbox.lost_frames == 1
        outbox.close()
