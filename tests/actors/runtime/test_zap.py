"""The door answers as RFC 27 says, and ends with its context."""

from __future__ import annotations

import zmq
from zmq.utils import z85

from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.runtime.zap import Door

KEY = KeyPair.generate().public


def ask(door_of: zmq.Context[zmq.Socket[bytes]], *parts: bytes) -> list[bytes]:
    with door_of.socket(zmq.REQ) as request:
        request.linger, request.rcvtimeo = 0, 5000
        request.connect("inproc://zeromq.zap.01")
        request.send_multipart(list(parts))
        return list(request.recv_multipart())


def test_only_admitted_keys_come_in() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    door = Door(context, lambda key: key == KEY)
    head = [b"1.0", b"7", b"", b"127.0.0.1", b"", b"CURVE"]
    answer = ask(context, *head, z85.decode(KEY.encode()))
    assert answer[:3] == [b"1.0", b"7", b"200"]
    assert answer[4] == KEY.encode()
    stranger = z85.decode(KeyPair.generate().public.encode())
    assert ask(context, *head, stranger)[2] == b"400"
    assert ask(context, *head[:5], b"PLAIN", b"user", b"word")[2] == b"400"
    assert ask(context, b"junk")[2] == b"400"
    assert door.refused == 3
    context.term()
    door.join(60)
