"""What hosts measured, held against the plan."""

from __future__ import annotations

from typing import Any

import pytest

from simulacra.overlay.mesh.checking import compare
from tests.overlay.plans import made

PLAN = made({"a": "10.77.0.1", "b": "10.77.0.2", "r": "10.77.0.3"}, relays=["r"], nat=["a"])


def line(how: str) -> dict[str, Any]:
    return {"how": how, "relays": [], "round_trip": 0.01, "age": 1.0}


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (None, "unknown"),
        ("direct", "ok"),
        ("relayed", "worse"),
        ("tunnelled", "worse"),
        ("none", "cut"),
    ],
)
def test_a_pair_is_as_planned_or_not(measured: str | None, verdict: str) -> None:
    lines = {} if measured is None else {"a": {"b": line(measured)}}
    (found,) = (each for each in compare(PLAN, lines) if (each["from"], each["to"]) == ("a", "b"))
    assert (found["planned"], found["measured"], found["verdict"]) == ("direct", measured, verdict)


def test_every_pair_of_nodes_is_told_once_each_way() -> None:
    pairs = [(each["from"], each["to"]) for each in compare(PLAN, {})]
    assert len(pairs) == len(set(pairs)) == 6
