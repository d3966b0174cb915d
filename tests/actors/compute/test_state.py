"""The namespace that moves: attributes, and advice where one is missing."""

from __future__ import annotations

import pytest

from simulacra.actors.compute.state import State


def test_it_holds_attributes() -> None:
    state = State({"a": 1})
    state.b = [2]
    assert (state.a, state.b, "b" in state, "c" in state) == (1, [2], True, False)
    assert state.__dict__ == {"a": 1, "b": [2]}
    del state.a
    assert "a" not in state


def test_defaults_are_set_once() -> None:
    state = State({})
    assert state.get("a") is None
    assert state.get("a", 5) == 5
    first = state.setdefault("a", [])
    assert state.setdefault("a", [1]) is first


def test_a_missing_attribute_says_how_to_set_it() -> None:
    with pytest.raises(AttributeError, match=r"ctx\.state\.setdefault\('total', \.\.\.\)"):
        _ = State({}).total
