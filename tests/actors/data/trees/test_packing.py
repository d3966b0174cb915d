"""Records, contexts and rows survive the way through bytes; garbage is refused."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.entries import FOLDER, Attributes, Content, Entry, Fingerprint, Kind
from simulacra.actors.data.reconciling.dots import Dot, Replica
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.record_plain import RecordError
from simulacra.actors.data.trees.packing import (
    pack_context,
    pack_record,
    pack_row,
    unpack_context,
    unpack_fingerprint,
    unpack_record,
    unpack_row,
)
from tests.actors.data.reconciling import simulator

number = st.integers(0, 2**40)
replicas = st.builds(Replica, st.sampled_from(["desk", "nas"]), st.integers(1, 9))
dots = st.builds(Dot, replicas, st.integers(1, 2**40))
contents = st.just(FOLDER) | st.builds(
    Content, st.sampled_from([Kind.FILE, Kind.LINK]), number, st.binary(max_size=32), st.binary()
)
xattrs = st.lists(st.tuples(st.binary(), st.binary()), max_size=2).map(tuple)
entries = st.builds(Entry, contents, st.builds(Attributes, number, number, xattrs))
fingerprints = st.none() | st.builds(Fingerprint, number, number, number, number, number)
rows = st.builds(
    Row,
    st.binary(min_size=16, max_size=16),
    entries,
    st.frozensets(dots, max_size=3),
    st.frozensets(dots, max_size=3),
    st.none() | dots,
    fingerprints,
)
plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(-9, 9) | st.binary(max_size=9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


@given(rows)
def test_a_row_is_the_same_again(row: Row) -> None:
    assert unpack_row(pack_row(row)) == row
    assert unpack_fingerprint(pack_row(row)) == row.fingerprint


@given(st.dictionaries(replicas, number))
def test_a_context_is_the_same_again(context: dict[Replica, int]) -> None:
    assert unpack_context(msgpack.unpackb(msgpack.packb(pack_context(context)))) == context


def test_records_are_the_same_again() -> None:
    for seed in range(5):
        size, history = simulator.history(seed)
        world = simulator.World(size)
        world.run(history)
        for host in world.hosts:
            for record in host.index.records.values():
                assert unpack_record(pack_record(record)) == record


@given(st.binary(max_size=200) | plain.map(msgpack.packb))
def test_garbage_is_no_record(data: bytes) -> None:
    with pytest.raises(RecordError):
        unpack_record(data)


@given(plain)
def test_garbage_is_no_context(data: Any) -> None:
    try:
        context = unpack_context(data)
    except RecordError:
        return
    assert all(type(replica.host) is str and type(n) is int for replica, n in context.items())
