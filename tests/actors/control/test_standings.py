from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from simulacra.actors.control.standings import LOST, Standings
from simulacra.actors.data.trees.standing import Standing
from simulacra.actors.runtime.errors import RemoteError


def standings(answer: Any) -> Standings:
    """Of a node that reaches ``nas``, whose copy answers so, or raises it."""

    def ask(_: object, timeout: float) -> Any:
        assert timeout > 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    node = SimpleNamespace(
        settings=SimpleNamespace(name="desk"),
        neighbours=SimpleNamespace(inside=lambda: ["nas"]),
        system=SimpleNamespace(ref=lambda _: SimpleNamespace(ask=ask)),
    )
    return Standings(cast("Any", node))


def test_only_hosts_in_reach_are_asked_and_each_once() -> None:
    found = standings({"state": "idle"}).of_all("1", ["desk", "pi", "nas", "desk"])
    assert found == {"desk": {"state": "idle"}, "nas": {"state": "idle"}}


@pytest.mark.parametrize("error", [each for each in LOST if each is not RemoteError])
def test_who_does_not_answer_stands_as_unknown_with_the_reason(error: type[Exception]) -> None:
    found = standings(error("it is gone")).of("1", "nas")
    assert (found["state"], found["reason"]) == ("unknown", "it is gone")
    assert found.keys() == Standing().to_plain().keys()
