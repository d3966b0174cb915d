"""What hosts know of each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from simulacra.actors.compute import hosts
from simulacra.actors.compute.hosts import HOSTS, Facts, Hosts, HostTable
from tests.actors.runtime.nodes import Node, eventually, two_nodes


def table(name: str, peers: Callable[[], list[str]] = list) -> HostTable:
    return HostTable(name, "1", peers, lambda _: None)


def test_facts_of_this_host() -> None:
    here = Facts.here("desk", "1")
    assert here.host == "desk"
    assert here.cores >= 1
    assert 0 < here.memory_free <= here.memory_total
    assert here.clock == pytest.approx(time.time(), abs=5)


def test_only_hosts_that_are_up_and_fresh_count_for_placement() -> None:
    here = table("desk", lambda: ["nas", "old"])
    facts = Facts.here("nas", "1")
    here.heard(facts)
    here.heard(replace(facts, host="down"))
    here.heard(replace(facts, host="old"))
    here._heard["old"] = replace(here._heard["old"], at=time.monotonic() - 60)
    network = here.network()
    assert set(network.hosts) == {"desk", "nas"}


def test_a_clock_that_is_ahead_is_told() -> None:
    here = table("desk")
    here.heard(replace(Facts.here("nas", "1"), clock=time.time() + 100))
    heard = here.of("nas")
    assert heard is not None
    assert heard.clock_ahead == pytest.approx(100, abs=5)
    assert here.of("nobody") is None


def test_the_shortest_round_trip_counts_and_slowly_ages() -> None:
    here = table("desk")
    for seconds in (0.5, 0.1, 9.0):
        here.measured("nas", seconds)
    assert here.round_trip("nas") == pytest.approx(0.11)
    for _ in range(60):
        here.measured("nas", 9.0)
    assert here.round_trip("nas") == pytest.approx(9.0)


def test_two_nodes_tell_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "EVERY", 0.02)

    def up(node: Node) -> Callable[[], list[str]]:
        return lambda: [peer.name for peer in node.transport.peers() if peer.is_up]

    with two_nodes() as (a, b):
        of_a, of_b = table("a", up(a)), table("b", up(b))
        a.system.spawn(Hosts, of_a, name=HOSTS)
        b.system.spawn(Hosts, of_b, name=HOSTS)
        eventually(lambda: of_a.of("b") and of_b.of("a"))
        eventually(lambda: of_a.round_trip("b") and of_b.round_trip("a"))
        assert set(of_a.network().hosts) == {"a", "b"}
