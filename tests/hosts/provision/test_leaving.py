"""Where a computation goes whose host is to sleep."""

from __future__ import annotations

from simulacra.actors.compute.placement import Host, Needs, Network, Route
from simulacra.actors.compute.services import THIS_SOFTWARE
from simulacra.hosts.provision.leaving import refuge

NETWORK = Network.of(
    [
        Host("desk", THIS_SOFTWARE, memory_free=2**30, memory_total=2**30),
        Host("nas", THIS_SOFTWARE, memory_free=2**28, memory_total=2**28),
        Host("far", THIS_SOFTWARE),
    ],
    {("desk", "nas"): Route(0.001, 1e8), ("desk", "far"): Route(0.2, 1e5)},
)
ALL = {"desk", "nas", "far"}


def test_it_goes_where_it_costs_least_of_those_that_are_awake() -> None:
    needs = Needs("count", at="desk", state_size=10**6)
    assert refuge(needs, NETWORK, ALL) == ("nas", "")
    assert refuge(needs, NETWORK, {"far"}) == ("far", "")


def test_what_can_go_nowhere_stays_with_every_reason() -> None:
    needs = Needs("count", at="desk", memory=2**29, on="desk")
    host, why = refuge(needs, NETWORK, ALL)
    assert host is None
    assert why.startswith("far: it was asked to run on desk")
    assert "; nas: " in why
    assert refuge(needs, NETWORK, {"desk"}) == (None, "no other host is in reach")
