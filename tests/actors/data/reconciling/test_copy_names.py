"""Names of conflict copies, and of what is put aside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.reconciling.copy_names import NAME_LIMIT, aside_name, copy_name, is_aside
from tests.actors.data.reconciling.making import dot


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"a.txt", b"a.conflict-laptop-7.txt"),
        (b"Makefile", b"Makefile.conflict-laptop-7"),
        (b".bashrc", b".bashrc.conflict-laptop-7"),
        (b"a.tar.gz", b"a.tar.conflict-laptop-7.gz"),
        (b"a." + b"x" * 40, b"a." + b"x" * 40 + b".conflict-laptop-7"),
    ],
)
def test_the_mark_goes_before_the_suffix(name: bytes, expected: bytes) -> None:
    assert copy_name(name, dot("laptop", 7)) == expected


def test_a_later_incarnation_is_said() -> None:
    assert copy_name(b"a", dot("laptop", 7, 3)) == b"a.conflict-laptop.3-7"


@given(st.binary(min_size=1, max_size=NAME_LIMIT))
def test_no_name_is_too_long(name: bytes) -> None:
    copied = copy_name(name, dot("h" * 63, 2**62))
    assert len(copied) <= NAME_LIMIT
    assert copied != name


def test_a_long_name_is_cut_between_characters() -> None:
    copied = copy_name("ä".encode() * 127, dot("laptop", 7))
    assert copied.decode().startswith("äää")
    assert len(copied) <= NAME_LIMIT


def test_what_is_aside_is_known_anywhere_in_a_path() -> None:
    name = aside_name(b"x")
    assert is_aside(name)
    assert is_aside(b"a/" + name + b"/b")
    assert not is_aside(b"a/b")
