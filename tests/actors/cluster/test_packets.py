"""Packets travel between nodes as they are."""

from __future__ import annotations

import pytest

from simulacra.actors.cluster import packets as p
from simulacra.actors.cluster.members import News
from simulacra.actors.runtime import ActorSystem
from simulacra.actors.runtime.codec import Codec
from tests.actors.cluster.swimmers import record

NEWS = [News(record("nas")).tell()]


@pytest.mark.parametrize(
    "packet",
    [
        p.Ping("a", 1, 2, 2**32 - 1, NEWS),
        p.Ack("a", 1, 2, []),
        p.Ask("a", 1, 2, "nas"),
        p.Tried("a", 1, 2, answered=True),
        p.Gossip("a", 1, NEWS),
        p.Verdict("a", 1, None),
        p.Verdict("a", 1, NEWS[0]),
        p.Compare("a", 1, [0, 2**32 - 1]),
        p.Page("a", 1, NEWS, [3]),
    ],
)
def test_a_packet_arrives_as_it_was_sent_and_is_sound(
    packet: p.Packet, system: ActorSystem
) -> None:
    codec = Codec(system.ref)
    packed, _ = codec.pack([0, "membership"], packet)
    [[_, _, arrived]] = codec.unpack(packed)
    assert arrived == packet
    assert p.is_sound(arrived)


def test_a_ping_at_rest_is_small(system: ActorSystem) -> None:
    packed, _ = Codec(system.ref).pack([0, "membership"], p.Ping("laptop", 12, 1000, 2**31, []))
    assert len(packed) < 100
