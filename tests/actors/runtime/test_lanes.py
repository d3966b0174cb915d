"""Which lane an entry goes on and when it is sent, over real pairs of sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
import zmq

from simulacra.actors.runtime.frames import Entry, Lane
from simulacra.actors.runtime.lanes import Lanes
from simulacra.actors.runtime.outbox import FULL, Outbox


class Ends:
    """The lanes to a peer, and what the peer gets."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self.flushes_asked = 0
        self.lanes = Lanes(self._ask)
        self._wires = {lane: context.socket(zmq.PAIR) for lane in Lane}
        self.outboxes = {lane: self._outbox(context, lane) for lane in Lane}

    def _ask(self) -> None:
        self.flushes_asked += 1

    def _outbox(self, context: zmq.Context[zmq.Socket[bytes]], lane: Lane) -> Outbox:
        near: zmq.Socket[bytes] = context.socket(zmq.PAIR)
        self._wires[lane].bind(f"inproc://{lane.name}")
        near.connect(f"inproc://{lane.name}")
        return Outbox(near)

    def came(self, lane: Lane) -> list[list[bytes]]:
        """The messages that have come on a lane; what goes through a process comes at once."""
        came: list[list[bytes]] = []
        while self._wires[lane].poll(0):
            came.append(self._wires[lane].recv_multipart())
        return came

    def entries(self, lane: Lane) -> list[list[Any]]:
        """The entries of each frame that has come on a lane."""
        return [unpacked(parts[0])[1:] for parts in self.came(lane)]

    def close(self) -> None:
        for outbox in self.outboxes.values():
            outbox.close()
        for wire in self._wires.values():
            wire.close(linger=0)


def unpacked(frame: bytes) -> list[Any]:
    unpacker = msgpack.Unpacker()
    unpacker.feed(frame)
    return list(unpacker)


def entry(number: int) -> bytes:
    return bytes(msgpack.packb([number]))


@pytest.fixture
def ends() -> Iterator[Ends]:
    with zmq.Context() as context:
        made = Ends(context)
        made.lanes.replace(made.outboxes)
        yield made
        made.close()


def test_tells_wait_for_one_flush_that_is_asked_for_once(ends: Ends) -> None:
    for round_ in (1, 2):
        for number in (1, 2, 3):
            ends.lanes.put(entry(number), (), 1, at_once=False)
        assert ends.flushes_asked == round_
        assert ends.entries(Lane.DATA) == []
        ends.lanes.flush()
        assert ends.entries(Lane.DATA) == [[[1], [2], [3]]]


def test_what_somebody_waits_for_takes_along_what_waits(ends: Ends) -> None:
    ends.lanes.put(entry(1), (), 1, at_once=False)
    ends.lanes.put(entry(2), (), 1, at_once=True)
    assert ends.entries(Lane.DATA) == [[[1], [2]]]


def test_much_that_waits_is_sent_without_being_asked_for(ends: Ends) -> None:
    ends.lanes.put(bytes(msgpack.packb(b"x" * FULL)), (), FULL, at_once=False)
    assert ends.flushes_asked == 0
    assert len(ends.came(Lane.DATA)) == 1


def test_buffers_go_in_a_frame_of_their_own_behind_what_waits(ends: Ends) -> None:
    ends.lanes.put(entry(1), (), 1, at_once=False)
    ends.lanes.put(entry(2), [b"first", b"second"], 12, at_once=False)
    waited, with_buffers = ends.came(Lane.DATA)
    assert unpacked(waited[0])[1:] == [[1]]
    assert unpacked(with_buffers[0])[1:] == [[2]]
    assert with_buffers[1:] == [b"first", b"second"]


def test_what_overtakes_mail_goes_on_the_control_lane(ends: Ends) -> None:
    ends.lanes.put(entry(1), (), 1, at_once=False)
    ends.lanes.put_ahead(entry(2))
    ends.lanes.say(b"hello")
    assert ends.entries(Lane.DATA) == []
    ahead, hello = ends.came(Lane.CONTROL)
    assert unpacked(ahead[0])[1:] == [[2]]
    assert hello == [b"hello"]


def test_the_last_entry_is_behind_all_on_each_lane_and_says_on_which(ends: Ends) -> None:
    ends.lanes.put(entry(1), (), 1, at_once=False)
    ends.lanes.put_last(int(Entry.REST), 7)
    for lane, before in ((Lane.DATA, [[1]]), (Lane.CONTROL, [])):
        assert ends.entries(lane) == [[*before, [int(Entry.REST), int(lane), 7]]]


def test_signs_of_life_go_on_the_lanes_in_turn(ends: Ends) -> None:
    for _ in range(4):
        ends.lanes.beat()
    assert [len(ends.came(lane)) for lane in Lane] == [2, 2]


def test_without_lanes_nothing_is_sent(ends: Ends) -> None:
    ends.lanes.put(entry(1), (), 1, at_once=False)
    assert ends.lanes.replace({}) == ends.outboxes
    ends.lanes.say(b"hello")
    ends.lanes.beat()
    ends.lanes.flush()
    assert ends.lanes.trouble() is None
    assert [ends.came(lane) for lane in Lane] == [[], []]
    assert ends.lanes.replace(ends.outboxes) == {}
    ends.lanes.put(entry(2), (), 1, at_once=False)
    assert ends.flushes_asked == 2
