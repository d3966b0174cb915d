"""What a node does about what the directory says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from simulacra.actors.cluster.counting import Change
from simulacra.actors.cluster.facts import Fact, Key
from simulacra.actors.knowing import Knowing


def copy(host: str, tree: str) -> Change:
    fact: Any = SimpleNamespace(key=Key("copy", host, tree), origin=SimpleNamespace(host=host))
    return Change(fact.key, None, fact)


def again(change: Change) -> Change:
    fact: Fact | None = change.after
    return Change(change.key, fact, fact)


@pytest.fixture
def called() -> list[str]:
    return []


@pytest.fixture
def knowing(called: list[str]) -> Knowing:
    """Of a host called here, from which nas, tv and desk are far."""
    node: Any = SimpleNamespace(
        settings=SimpleNamespace(name="here"),
        cluster=SimpleNamespace(far=lambda: dict.fromkeys(["nas", "tv", "desk"])),
        transport=SimpleNamespace(call=called.append),
    )
    return Knowing(node)


def test_who_has_a_copy_of_a_tree_is_called_when_there_is_one_here_and_the_other_way_round(
    knowing: Knowing, called: list[str]
) -> None:
    knowing.view.apply([copy("nas", "films"), copy("near", "films"), copy("tv", "notes")])
    assert called == []
    knowing.view.apply([copy("here", "films")])
    assert called == ["nas"]
    knowing.view.apply([copy("desk", "films"), copy("desk", "notes"), copy("tv", "photos")])
    assert called == ["nas", "desk"]
    knowing.view.apply([again(copy("nas", "films"))])
    assert called == ["nas", "desk"]
