"""Whom a node tells what it tells all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from simulacra.actors.neighbours import Neighbours


def test_those_at_rest_are_told_as_well_but_for_those_that_are_not_there() -> None:
    neighbours: Any = SimpleNamespace(
        connected=lambda: ["nas"],
        transport=SimpleNamespace(
            peers=lambda: [
                SimpleNamespace(name=name, is_resting=name != "nas")
                for name in ("desk", "nas", "tv")
            ]
        ),
        _cluster=lambda: SimpleNamespace(far=lambda: dict.fromkeys(["boat", "tv"])),
    )
    assert Neighbours.told(neighbours) == ["nas", "tv"]
