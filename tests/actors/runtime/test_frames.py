"""Headers and greetings: read as they were written, or malformed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
import pytest

from simulacra.actors.runtime.codec import MalformedError
from simulacra.actors.runtime.frames import (
    DATA_HEADER_SIZE,
    DATA_MARK,
    Hello,
    Kind,
    Lane,
    pack_data_header,
    unpack_data_header,
)

HELLO = Hello(1, "0.1", "nas", 7, 3, (9, 2), "tcp://nas:1", "key", (16, 1024), lane=Lane.DATA)


def test_a_hello_is_read_as_it_was_written() -> None:
    kind, told = msgpack.unpackb(HELLO.pack())
    assert kind == Kind.HELLO
    assert Hello.unpack(told) == HELLO
    assert HELLO.session_id == (7, 3)


def test_what_a_newer_node_adds_to_its_hello_is_left_out() -> None:
    _, told = msgpack.unpackb(HELLO.pack())
    assert Hello.unpack(told | {"news": 1}) == HELLO


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("node", 7),
        ("wire", "1"),
        ("echo", [1]),
        ("echo", [1, -1]),
        ("window", [0, 5]),
        ("window", None),
        ("lane", 7),
        ("key", None),
    ],
)
def test_a_wrong_hello_is_malformed(name: str, value: Any) -> None:
    _, told = msgpack.unpackb(HELLO.pack())
    with pytest.raises(MalformedError):
        Hello.unpack(told | {name: value})


def test_an_older_node_that_does_not_say_so_keeps_apart_and_rests_from_nobody() -> None:
    _, told = msgpack.unpackb(replace(HELLO, apart=1).pack())
    assert Hello.unpack(told).apart == 1
    del told["apart"], told["rests"]
    assert Hello.unpack(told).apart == Hello.unpack(told).rests == 0
    with pytest.raises(MalformedError):
        Hello.unpack(told | {"apart": "yes"})


def test_no_map_is_no_hello() -> None:
    with pytest.raises(MalformedError):
        Hello.unpack([])


@pytest.mark.parametrize(
    ("endpoint", "address", "seen"),
    [
        ("tcp://0.0.0.0:70", "10.1.2.3", "tcp://10.1.2.3:70"),
        ("tcp://*:70", "10.1.2.3", "tcp://10.1.2.3:70"),
        ("tcp://[::]:70", "fe80::1", "tcp://[fe80::1]:70"),
        ("tcp://nas:70", "10.1.2.3", "tcp://nas:70"),
    ],
)
def test_an_endpoint_for_any_address_is_completed(endpoint: str, address: str, seen: str) -> None:
    assert replace(HELLO, endpoint=endpoint).seen_from(address).endpoint == seen


@pytest.mark.parametrize("numbers", [(5, 2, 1, 99), (2**63, 2**31, 2**31, 2**63), (0, 0, 0, 0)])
def test_a_data_header_is_msgpack_of_one_width(numbers: tuple[int, int, int, int]) -> None:
    header = pack_data_header(*numbers)
    assert msgpack.unpackb(header) == [Kind.DATA, *numbers]
    assert header.startswith(DATA_MARK)
    assert len(header) == DATA_HEADER_SIZE
    assert unpack_data_header(header + b"entries") == numbers


@pytest.mark.parametrize(
    "header",
    [
        pack_data_header(5, 2, 1, 99)[:-1],
        msgpack.packb([Kind.DATA, 5, 2, 1, 99]),
        msgpack.packb([Kind.DATA, 2**63, "a text in place of a number", 2, 99]),
    ],
)
def test_a_data_header_of_another_shape_is_malformed(header: bytes) -> None:
    with pytest.raises(MalformedError):
        unpack_data_header(header)
