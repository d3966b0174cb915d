"""Names and values: what is one, and why what is none is refused."""

from typing import Any

import pytest

from simulacra.actors.cluster.fact_texts import (
    NAME_LIMIT,
    VALUE_LIMIT,
    FactError,
    check_name,
    check_text,
    to_text,
)
from simulacra.actors.cluster.facts import Key, check_key


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        ("x" * 300, "has 300 characters"),
        ("a b", "has ' ' in it"),
        ("a\nb", r"has '\\n' in it"),
        ("a@b", "has '@' in it"),
        ("e\u0301", "composed form"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(FactError, match=why):
        check_name(name)


def test_names_may_be_in_any_language() -> None:
    check_name("Büro-東京")
    check_name("x" * NAME_LIMIT)
    check_key(Key("host", "", "cores"))


@pytest.mark.parametrize("value", [{1: 2}, {"a": object()}, float("nan"), b"bytes"])
def test_a_value_that_is_no_plain_data_is_refused(value: Any) -> None:
    with pytest.raises(FactError, match="not plain data"):
        to_text(value)


def test_a_value_that_is_too_large_is_refused_with_what_to_do() -> None:
    with pytest.raises(FactError, match="put it into a file"):
        to_text("x" * VALUE_LIMIT)


def test_the_size_of_a_value_is_said_in_bytes() -> None:
    with pytest.raises(FactError, match="the value has 10,002 bytes, and 8,192 are allowed"):
        check_text(f'"{"é" * 5000}"')
