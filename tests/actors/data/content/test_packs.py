from __future__ import annotations

import contextlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.content import packs
from simulacra.actors.data.content.manifest import hash_of
from simulacra.actors.data.content.packs import DamagedError, Found, pack, scan, unpack

chunks = st.one_of(
    st.binary(max_size=300), st.binary(min_size=1, max_size=3).map(lambda some: some * 500)
)


@given(chunks, st.booleans())
def test_a_chunk_is_in_its_record(data: bytes, squeeze: bool) -> None:
    name = hash_of(data)
    assert unpack(pack(name, data, squeeze=squeeze), name) == data


def test_compressing_is_kept_only_where_it_pays() -> None:
    text, noise = b"line\n" * 1000, hash_of(b"") * 1
    assert len(pack(hash_of(text), text, squeeze=True)) < 200
    assert len(pack(hash_of(text), text, squeeze=False)) > len(text)
    assert noise in pack(hash_of(noise), noise, squeeze=True)


@given(chunks, st.booleans(), st.data())
def test_a_damaged_record_is_told(data: bytes, squeeze: bool, draw: st.DataObject) -> None:
    name = hash_of(data)
    record = pack(name, data, squeeze=squeeze)
    at = draw.draw(st.integers(0, len(record) - 1))
    bad = record[:at] + bytes([record[at] ^ draw.draw(st.integers(1, 255))]) + record[at + 1 :]
    with contextlib.suppress(DamagedError):
        assert unpack(bad, name) == data  # what is not used may be anything
    with pytest.raises(DamagedError):
        unpack(record[:at], name)
    with pytest.raises(DamagedError):
        unpack(record, hash_of(b"another" + data))


@given(st.binary(max_size=200))
def test_garbage_is_no_record(garbage: bytes) -> None:
    with pytest.raises(DamagedError):
        unpack(garbage, bytes(32))
    assert list(scan(garbage)) == []


def test_a_record_that_claims_to_expand_to_much_is_not_expanded() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(2**26))
    name = hash_of(b"")
    header = packs._HEADER.pack(packs._MAGIC, 1, 2**20, packs._HEADER.size + len(bomb), name)
    with pytest.raises(DamagedError, match="another length"):
        unpack(header + bomb, name)


@given(st.lists(st.tuples(chunks, st.binary(max_size=60), st.booleans()), max_size=6))
def test_records_are_found_whatever_is_between_them(
    parts: list[tuple[bytes, bytes, bool]],
) -> None:
    content = b""
    expected = []
    for data, between, is_cut_off in parts:
        record = pack(hash_of(data), data, squeeze=True)
        if is_cut_off:
            content += record[:-1] if data else record[:-5]
        else:
            expected.append(Found(hash_of(data), len(content), len(record)))
            content += record
        content += between
    found = list(scan(content))
    # Garbage that happens to complete what was cut off is a record as well.
    assert [one for one in found if one in expected] == expected
    assert all(unpack(content[one.position :][: one.size], one.hash) is not None for one in found)
