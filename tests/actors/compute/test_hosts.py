"""What hosts know of each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from simulacra.actors.compute import hosts
from simulacra.actors.compute.hosts import HOSTS, Facts, Hosts, HostTable, Measured
from simulacra.actors.compute.placement import Route
from simulacra.actors.compute.speed import measured_speed
from tests.actors.runtime.nodes import Node, eventually, two_nodes


def table(name: str, peers: Callable[[], list[str]] = list) -> HostTable:
    return HostTable(name, "1", peers, lambda _: None)


def test_facts_of_this_host() -> None:
    here = Facts.here("desk", "1")
    assert here.host == "desk"
    assert here.cores >= 1
    assert 0 < here.memory_free <= here.memory_total
    assert here.clock == pytest.approx(time.time(), abs=5)


def test_speed_and_labels_travel_to_placement() -> None:
    here = HostTable("desk", "1", lambda: ["nas"], lambda _: None, ("tape",))
    here.heard(replace(Facts.here("nas", "1", ("gpu",)), speed=0.25, memory_total=7))
    network = here.network()
    nas, desk = network.hosts["nas"], network.hosts["desk"]
    assert (nas.speed, nas.labels, nas.memory_total) == (0.25, ("gpu",), 7)
    assert (desk.labels, desk.speed) == (("tape",), measured_speed())


def test_routes_between_two_others_are_heard_of() -> None:
    here = table("desk", lambda: ["nas", "far"])
    nas, far = (Facts.here(name, "1") for name in ("nas", "far"))
    here.heard(replace(nas, routes={"far": Measured(0.2, 1.0, 1e5, 60.0)}))
    here.heard(far)
    assert here.network().route("far", "nas") == Route(0.2, 1e5)
    here._heard["nas"] = replace(here._heard["nas"], at=time.monotonic() - 5)
    told = here.routes()["nas", "far"]
    assert (told.round_trip, told.bandwidth) == (0.2, 1e5)
    assert told.age == pytest.approx(6, abs=1)
    assert told.bandwidth_age == pytest.approx(65, abs=1)


def test_a_route_is_told_before_anything_large_was_sent_and_learns_the_other_ways_rate() -> None:
    here = table("desk", lambda: ["nas", "far"])
    nas, far = (Facts.here(name, "1") for name in ("nas", "far"))
    here.heard(replace(nas, routes={"far": Measured(0.2, 1.0)}))
    here.heard(far)
    assert here.network().route("nas", "far").round_trip == 0.2
    here.heard(replace(far, routes={"nas": Measured(0.3, 1.0, 1e5, 2.0)}))
    assert here.network().route("nas", "far") == Route(0.2, 1e5)


def test_measured_routes_are_told() -> None:
    here = HostTable("desk", "1", lambda: ["nas", "new", "silent"], {"nas": (1e6, 7.0)}.get)
    here.measured("nas", 0.5)
    here.measured("new", 0.1)
    here.measured("gone", 0.1)
    told = here.facts().routes
    assert told["nas"] == Measured(0.5, told["nas"].age, 1e6, 7.0)
    assert told["new"] == Measured(0.1, told["new"].age)
    assert told.keys() == {"nas", "new"}
    assert here.routes().keys() == {("desk", "nas"), ("desk", "new")}


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


def test_the_shortest_of_the_last_round_trips_counts() -> None:
    here = table("desk")
    for seconds in (0.5, 0.1, 9.0):
        here.measured("nas", seconds)
    assert here.round_trip("nas") == 0.1
    for _ in range(9):
        here.measured("nas", 9.0)
    assert here.round_trip("nas") == 9.0
    assert here.round_trip("far") is None


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
        eventually(lambda: of_a.routes().keys() == {("a", "b"), ("b", "a")})
