"""Arguments: plain data as it is, the rest packed, and what was on the wire comes back."""

from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.compute.arguments import (
    Pickled,
    Reads,
    from_plain,
    is_argument,
    pack_argument,
    to_plain,
    unpack_argument,
)


def test_arguments_are_packed_where_they_must_be() -> None:
    assert pack_argument("a", [1]) == [1]
    assert pack_argument("a", Reads("x")) == Reads("x")
    assert unpack_argument(pack_argument("a", {1, 2})) == {1, 2}
    assert unpack_argument(Reads("nas:/x")) == "nas:/x"
    with pytest.raises(TypeError, match=r"^the argument a cannot move"):
        pack_argument("a", (n for n in "ab"))


@pytest.mark.parametrize("value", [[1, None], Reads("nas:/x"), Pickled(b"data")])
def test_an_argument_comes_back_from_plain_data(value: Any) -> None:
    assert is_argument(value)
    assert from_plain(to_plain(value)) == value


def test_what_is_not_packed_is_no_argument() -> None:
    assert not is_argument({1, 2})
