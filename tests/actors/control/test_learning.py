from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.placement import Host, Network, Route
from simulacra.actors.control import learning as module
from simulacra.actors.control.learning import Learning
from simulacra.actors.control.places import Place

if TYPE_CHECKING:
    from simulacra.actors.node import Node

SAME = Software("3.11", "x86_64")


@pytest.fixture
def learning() -> Learning:
    """That of a laptop that is connected to nas, which is twice as fast, and has heard of it."""
    hosts = (Host("laptop", SAME), Host("nas", SAME, speed=2.0))
    network = Network.of(hosts, {("laptop", "nas"): Route(0.001, 1e8)})
    known = SimpleNamespace(host="laptop", network=lambda: network, round_trip=lambda _: 0.001)
    return Learning(cast("Node", SimpleNamespace(hosts=known)))


def there(learning: Learning, key: str) -> float:
    choice = learning.in_tree(key, "nas", 0, choose=False)
    assert choice is not None
    return choice.costs.there


def test_a_run_in_a_tree_is_learned_on_either_host(learning: Learning) -> None:
    assert there(learning, "a") == there(learning, "b")
    learning.ran("a", "nas", 10.0)
    learning.ran_here("b", "nas", 20.0)
    assert there(learning, "a") == pytest.approx(there(learning, "b"), abs=0.1)
    learning.carried("a", 7.0)
    assert there(learning, "a") > there(learning, "b") + 6


def test_a_run_on_a_mount_is_learned_as_such(learning: Learning) -> None:
    before = learning.on_mount("m", "nas", choose=False)
    learning.ran("m", "nas", 10.0)
    learning.carried("m", 10.0)
    after = learning.on_mount("m", "nas", choose=False)
    assert before is not None
    assert after is not None
    assert after.costs.there > before.costs.there


def test_of_a_host_without_facts_nothing_is_said(learning: Learning) -> None:
    assert learning.on_mount("m", "desk", choose=True) is None
    assert learning.in_tree("a", "desk", 0, choose=True) is None
    places = [Place(host, "/", "", None) for host in ("desk", "nas")]
    assert learning.nearest("a", places) is places[1]
    assert learning.nearest("a", places[:1]) is None


def test_the_oldest_is_forgotten(learning: Learning, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 2)
    fresh = there(learning, "a")
    learning.ran("a", "nas", 100.0)
    assert there(learning, "a") > fresh
    there(learning, "b")
    there(learning, "c")
    assert there(learning, "a") == fresh
    learning.ran("none", "nas", 1.0)  # what was forgotten meanwhile
