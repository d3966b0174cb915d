"""Records as plain data: there and back, and nothing else comes in."""

from __future__ import annotations

import copy
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.reconciling.record_plain import RecordError, from_plain, to_plain
from tests.actors.data.reconciling.simulator import World, history


@given(st.integers(0, 10_000))
def test_there_and_back(seed: int) -> None:
    size, taken = history(seed)
    world = World(size)
    world.run(taken)
    for record in world.hosts[0].index.records.values():
        assert from_plain(msgpack.unpackb(msgpack.packb(to_plain(record)))) == record


def sample() -> list[Any]:
    world = World(2)
    world.run([("write", 0, 0, 0), ("meet", 0, 0, 0), ("write", 0, 0, 1), ("scan", 0, 0, 0)])
    (record,) = world.hosts[0].index.records.values()
    return to_plain(record)


junk = st.recursive(
    st.none() | st.integers() | st.binary(max_size=20) | st.text(max_size=5) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4),
)


@given(junk)
def test_junk_is_refused(data: Any) -> None:
    with pytest.raises(RecordError, match="not a record"):
        from_plain(data)


@given(st.data(), junk)
def test_junk_within_is_refused_or_harmless(data: st.DataObject, other: Any) -> None:
    plain = copy.deepcopy(sample())
    at: Any = plain
    while True:
        index = data.draw(st.integers(0, len(at) - 1))
        if not isinstance(at[index], list) or not at[index] or data.draw(st.booleans()):
            break
        at = at[index]
    at[index] = other
    try:
        record = from_plain(plain)
    except RecordError:
        return
    assert from_plain(to_plain(record)) == record


@pytest.mark.parametrize(
    "name", [b"", b".", b"..", b"a/b", b"a\0", b".simulacra-aside-1", b"x" * 256]
)
def test_a_name_that_leads_elsewhere_is_refused(name: bytes) -> None:
    plain = sample()
    plain[1][1][1] = name
    with pytest.raises(RecordError):
        from_plain(plain)


def test_a_dot_beyond_the_context_is_refused() -> None:
    plain = sample()
    plain[7] = [[host, incarnation, 1] for host, incarnation, _ in plain[7]]
    with pytest.raises(RecordError, match="context"):
        from_plain(plain)


def test_what_renamings_saw_is_kept_and_checked() -> None:
    world = World(2)
    world.run([("write", 0, 0, 0), ("scan", 0, 0, 0), ("rename", 0, 0, 1), ("scan", 0, 0, 0)])
    (record,) = world.hosts[0].index.records.values()
    assert len(record.renamed) == 1
    plain = to_plain(record)
    assert from_plain(plain) == record
    plain[6] = [each for each in plain[6] if each != plain[8][0][0][2:]]
    with pytest.raises(RecordError, match="does not keep it alive"):
        from_plain(plain)
    with pytest.raises(RecordError):
        from_plain([*to_plain(record), []])
