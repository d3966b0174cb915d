"""Lanes that are dialed and closed, over real CURVE sockets."""

from __future__ import annotations

from simulacra.actors.runtime.connections import Wire
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.runtime.outbox import Trouble
from simulacra.actors.runtime.sockets import Sockets
from tests.actors.runtime.nodes import eventually

PATIENCE_MS = 15_000


def made() -> tuple[Sockets, KeyPair]:
    pair = KeyPair.generate()
    sockets = Sockets(pair, "tcp://127.0.0.1:*", 1024, lambda _: True)
    sockets.router.rcvtimeo = PATIENCE_MS
    return sockets, pair


def end(sockets: Sockets) -> None:
    sockets.router.close()
    sockets.close()


def test_lanes_closed_while_their_connections_break_leave_the_others_working() -> None:
    here, _ = made()
    for _ in range(5):
        there, pair = made()
        lanes = [
            lane for _ in range(10) for lane in here.dial(there.endpoint, pair.public).values()
        ]
        for lane in lanes:
            lane.send(b"hello")
        for _ in lanes:
            there.router.recv_multipart()
        end(there)
        for lane in lanes:
            lane.close()
    there, pair = made()
    lanes = list(here.dial(there.endpoint, pair.public).values())
    for lane in lanes:
        lane.send(b"still here")
    assert [there.router.recv_multipart()[1] for _ in lanes] == [b"still here"] * 2
    for lane in lanes:
        lane.close()
    end(there)
    end(here)


def test_a_lane_tells_when_it_broke_or_was_turned_away_and_not_before() -> None:
    here, mine = made()
    expelled: set[str] = set()
    pair = KeyPair.generate()
    there = Sockets(pair, "tcp://127.0.0.1:*", 1024, lambda key: key not in expelled)
    there.router.rcvtimeo = PATIENCE_MS
    lane, other = here.dial(there.endpoint, pair.public).values()
    wires = []
    for each in (lane, other):
        each.send(b"hello")
        there.router.recv()
        port = int(there.endpoint.rpartition(":")[2])
        wires.append(Wire.of(there.router.recv(copy=False), port))
    assert (lane.trouble(), other.trouble()) == (None, None)
    expelled.add(mine.public)
    wires[0].shut()
    assert eventually(lane.trouble) is Trouble.BROKEN
    assert eventually(lane.trouble) is Trouble.TURNED_AWAY
    assert other.trouble() is None
    for each in (lane, other):
        each.close()
    end(there)
    end(here)
