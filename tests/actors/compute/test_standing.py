"""Standings to the disk and back."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute import records as r
from simulacra.actors.compute.standing import from_plain, to_plain

NAMES = st.text(max_size=5)
EPOCHS = st.integers(0, 9)
NUMBERS = st.integers(-(2**63), 2**64 - 1)
SNAPSHOTS = st.none() | st.dictionaries(NAMES, NUMBERS | st.binary(max_size=3), max_size=3)
STANDINGS = st.builds(
    r.Standing,
    active=st.none() | EPOCHS,
    ran=st.integers(-1, 9),
    snapshot=SNAPSHOTS,
    tried=st.none() | st.builds(r.Attempted, NAMES, EPOCHS, NAMES),
    committed=st.none() | st.builds(r.Committed, NAMES, EPOCHS, NAMES),
    left=st.booleans(),
    stored=st.none() | st.builds(r.Stored, NAMES, EPOCHS, NAMES, SNAPSHOTS),
)


@given(STANDINGS)
def test_a_standing_comes_back_as_it_was(standing: r.Standing) -> None:
    plain = to_plain(standing)
    assert from_plain(msgpack.unpackb(msgpack.packb(plain), strict_map_key=False)) == standing


def test_a_field_of_a_later_version_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        from_plain({"colour": "red"})
