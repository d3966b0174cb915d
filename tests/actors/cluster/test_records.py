from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.records import (
    MalformedRecordError,
    is_curve_key,
    is_host_name,
    plain,
    read,
)
from tests.actors.cluster.admitting import curve


@dataclass(frozen=True)
class Inner:
    text: str
    number: int


@dataclass(frozen=True)
class Outer:
    inner: Inner
    names: tuple[str, ...]
    maybe: Inner | None


inners = st.builds(Inner, st.text(), st.integers())
outers = st.builds(Outer, inners, st.lists(st.text()).map(tuple), st.none() | inners)


@given(outers)
def test_a_record_is_read_back(record: Outer) -> None:
    assert read(Outer, plain(record)) == record


def test_fields_of_newer_software_are_left_out() -> None:
    assert read(Inner, {"text": "a", "number": 1, "newer": []}) == Inner("a", 1)


GOOD: dict[str, Any] = {"inner": {"text": "a", "number": 1}, "names": ["x"], "maybe": None}


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"inner": None}, "Inner"),
        ({"inner": {"text": "a"}}, "Inner.number"),
        ({"inner": {"text": 1, "number": 1}}, "Inner.text"),
        ({"inner": {"text": "a", "number": True}}, "Inner.number"),
        ({"inner": {"text": "a" * 2000, "number": 1}}, "1024"),
        ({"names": "x"}, "Outer.names"),
        ({"names": [1]}, "Outer.names"),
        ({"names": [""] * 100_001}, "100000"),
    ],
)
def test_what_is_no_record_is_refused_with_the_field(wrong: dict[str, Any], where: str) -> None:
    with pytest.raises(MalformedRecordError, match=where):
        read(Outer, GOOD | wrong)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["inner", "names", "maybe", "text"]), inner)
        ),
        max_leaves=5,
    )
)
def test_anything_else_is_refused_and_never_half_read(data: Any) -> None:
    try:
        record = read(Outer, data)
    except MalformedRecordError:
        return
    assert plain(record).keys() == {"inner", "names", "maybe"}


@pytest.mark.parametrize("name", ["a", "nas", "n-1", "x" * 63])
def test_names_of_hosts(name: str) -> None:
    assert is_host_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a b", "a.b", "x" * 64, "a\n", "ä"])
def test_what_is_no_name_of_a_host(name: str) -> None:
    assert not is_host_name(name)


def test_keys_in_z85() -> None:
    assert is_curve_key(curve("nas"))
    assert not any(map(is_curve_key, ["", "a" * 39, " " * 40, "#" * 40, "é" * 40]))
