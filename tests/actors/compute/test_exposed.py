"""What is exposed is read in this process's memory, and only what is small was copied."""

from __future__ import annotations

import os
import pickle
from pickle import PickleBuffer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.exposed import LARGE, Data, Exposed, own_memory


def read(exposed: Exposed) -> bytes:
    memory = own_memory()
    try:
        return b"".join(os.pread(memory, size, start) for start, size in exposed.extents())
    finally:
        os.close(memory)


@given(st.lists(st.sampled_from([0, 1, 7, LARGE - 1, LARGE, LARGE + 5]), max_size=6))
def test_what_was_written_is_read_in_order(sizes: list[int]) -> None:
    written, exposed = [os.urandom(size) for size in sizes], Exposed()
    for data in written:
        assert exposed.write(data) == len(data)
    assert read(exposed) == b"".join(written)
    assert exposed.size == sum(sizes)


def test_large_parts_are_where_they_were() -> None:
    exposed, held = Exposed(), bytearray(os.urandom(LARGE))
    exposed.write(b"small")
    exposed.write(held)
    held[0] ^= 1
    assert read(exposed) == b"small" + held
    with pytest.raises(BufferError):
        held.clear()  # it could be reused while the node reads


@pytest.mark.parametrize(
    "data",
    [
        os.urandom(LARGE),
        bytearray(os.urandom(LARGE)),
        memoryview(os.urandom(LARGE)),
        memoryview(bytearray(LARGE))[1:],
        PickleBuffer(os.urandom(LARGE)),
        PickleBuffer(bytearray(os.urandom(2 * LARGE))),
    ],
)
def test_whatever_holds_bytes_may_be_written(data: Data) -> None:
    exposed = Exposed()
    exposed.write(data)
    exposed.write(b"end")
    assert read(exposed) == bytes(data) + b"end"


def test_a_pickle_comes_back() -> None:
    state = {"bytes": os.urandom(10**6), "text": "x" * 10**6, "array": bytearray(10**6), "n": [1]}
    exposed = Exposed()
    pickle.dump(state, exposed, protocol=5)
    assert pickle.loads(read(exposed)) == state
