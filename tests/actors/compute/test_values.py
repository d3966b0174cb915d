"""User values as bytes: plain where they can be, and errors that find the culprit."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.compute.values import (
    CannotPackError,
    NotPlainError,
    dump,
    is_plain,
    pack,
    unpack,
    unpack_plain,
)
from tests.support import examples

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(-(2**63), 2**64 - 1), inner)
    ),
)


@settings(max_examples=examples(20, many=200))
@given(plain)
def test_plain_data_comes_back_without_pickle(value: Any) -> None:
    assert is_plain(value)
    assert unpack_plain(pack(value)) == value


@settings(max_examples=examples(20, many=200))
@given(
    plain | st.tuples(plain) | st.sets(st.integers()) | st.lists(st.integers() | st.tuples(plain))
)
def test_is_plain_agrees_with_msgpack(value: Any) -> None:
    try:
        packed = msgpack.packb(value, strict_types=True)
        by_msgpack = msgpack.unpackb(packed, strict_map_key=False) == value
    except (TypeError, OverflowError, ValueError):
        by_msgpack = False
    assert is_plain(value) == by_msgpack


@pytest.mark.parametrize("value", [(1, 2), {1, 2}, 2**70, {"a": [2**70]}, {(1,): 2}, Path("/a")])
def test_what_is_not_plain_is_pickled(value: Any) -> None:
    data = pack(value)
    assert unpack(data) == value
    with pytest.raises(NotPlainError):
        unpack_plain(data)


def test_an_open_file_is_refused_and_an_open_buffer_is_not() -> None:
    with Path("/dev/null").open() as file, pytest.raises(CannotPackError, match="TextIOWrapper"):
        pack(file)
    assert unpack(pack(io.BytesIO(b"x"))).getvalue() == b"x"


def test_the_culprit_is_found_in_the_depths() -> None:
    class Box:
        def __init__(self, inner: object) -> None:
            self.inner = inner

    value = {"a": 1, "b": [0, Box({"c": threading.Lock()})]}
    with pytest.raises(
        CannotPackError, match=r"^state\['b'\]\[1\]\.inner\['c'\] cannot move.*lock"
    ):
        pack(value, "state")


def test_named_parts_are_named() -> None:
    with pytest.raises(CannotPackError, match=r"^right cannot move: it is a _thread.lock"):
        dump([1, threading.Lock()], io.BytesIO(), ("left", "right"))
