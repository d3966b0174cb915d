"""What is offered: whole files and parts of them, for how long, and how many at a time."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.runtime import bulk_offers
from simulacra.actors.runtime.bulk import BulkError
from simulacra.actors.runtime.bulk_offers import Offers
from tests.actors.runtime.bulk_ends import Ends


def test_the_longest_idle_offer_gives_way(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_offers, "_MAX_OFFERS", 2)
    first, second = ends.offer(b"one", "one"), ends.offer(b"two", "two")
    assert ends.client.read(first, 0, 3) == b"one"
    third = ends.offer(b"three", "three")
    with pytest.raises(BulkError, match="offered no more"):
        ends.client.read(second, 0, 3)
    assert ends.client.read(first, 0, 3) == b"one"
    assert ends.client.read(third, 0, 5) == b"three"


def memfd(data: bytes) -> int:
    descriptor = os.memfd_create("offered")
    os.write(descriptor, data)
    return descriptor


PARTS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 90)), max_size=6)


@given(PARTS, st.integers(0, 700), st.integers(0, 200))
def test_parts_of_a_file_are_read_as_one(
    parts: list[tuple[int, int]], offset: int, length: int
) -> None:
    data, offers = bytes(range(256)) + os.urandom(134), Offers()
    descriptor = memfd(data)
    ticket, size = offers.add(descriptor, parts)
    os.close(descriptor)
    whole = b"".join(data[start : start + part] for start, part in parts)
    assert size == len(whole)
    room = bytearray(length)
    read = offers.read_into(memoryview(room), ticket, offset)
    assert room[:read] == whole[offset : offset + length]
    offers.remove(ticket)
    assert offers.read_into(memoryview(room), ticket, offset) is None


def test_parts_behind_the_end_of_a_file_end_what_is_read() -> None:
    offers, descriptor = Offers(), memfd(b"data")
    ticket, _ = offers.add(descriptor, [(2, 5), (0, 4)])
    os.close(descriptor)
    assert offers.read_into(memoryview(bytearray(9)), ticket, 0) == 2
    offers.remove(ticket)
