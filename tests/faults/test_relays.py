"""Two LANs that reach each other by a relay alone: it dies, it comes back, another takes its place.

Hosts a and b are one side, d and e the other; c passes on what they send each other. What is cut
between the sides is cut at their cables, so that only what c sends gets through.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest

from simulacra.testing.lab import Host, Lab
from tests.faults.network import FIVE, Labs, agreed, led_by, settled
from tests.machines import wait_for

pytestmark = pytest.mark.lab

LEFT, RIGHT = ("a", "b"), ("d", "e")


@contextmanager
def relayed(lab: Lab, relay: str) -> Iterator[None]:
    """Let the sides reach each other by a relay alone, which is a router to them."""
    pass_on(lab[relay])
    for one, other in product(LEFT, RIGHT):
        lab.cut(one, other)
        route(lab, one, other, relay)
    try:
        yield
    finally:
        for one, other in product(LEFT, RIGHT):
            lab[one].run(["ip", "route", "del", lab[other].address])
            lab[other].run(["ip", "route", "del", lab[one].address])


def pass_on(relay: Host) -> None:
    """Have a host pass on what is not for it; redirects would send the sides where it is cut."""
    settings = ("conf.all.send_redirects=0", "conf.eth0.send_redirects=0", "ip_forward=1")
    for each in settings:
        relay.run(["sysctl", "-q", "-w", f"net.ipv4.{each}"])


def route(lab: Lab, one: str, other: str, relay: str) -> None:
    """Have two hosts send each other by way of a third from now on."""
    for host, to in ((one, other), (other, one)):
        lab[host].run(["ip", "route", "replace", lab[to].address, "via", lab[relay].address])


def test_a_relay_dies_and_both_sides_go_on_and_agree_when_it_is_back(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    left, right = ([lab[name] for name in side] for side in (LEFT, RIGHT))
    led_by(lab["a"], hosts)
    with relayed(lab, "c"):
        lab.wait_met(*FIVE)
        assert agreed(hosts) == "a"
        lab["c"].kill()
        deputy = wait_for(lambda: (m := agreed(right)) in RIGHT and m)
        assert agreed(left) == "a"
        assert lab["a"].sees() == {"b"}
        lab["c"].start(node=True)
        pass_on(lab["c"])
        wait_for(lambda: agreed(hosts) == deputy)
        lab.wait_met(*FIVE)
    lab.heal()


def test_another_relay_takes_the_place_of_one_that_dies(labs: Labs) -> None:
    lab = labs(*FIVE, "f", nodes=True)
    hosts = settled(lab)
    left, right = ([lab[name] for name in side] for side in (LEFT, RIGHT))
    led_by(lab["a"], hosts)
    with relayed(lab, "c"):
        lab.wait_met()
        lab["c"].kill()
        pass_on(lab["f"])
        for one, other in product(LEFT, RIGHT):
            route(lab, one, other, "f")
        rest = [*left, *right, lab["f"]]
        names = {host.name for host in rest}
        wait_for(lambda: all(host.sees() == names - {host.name} for host in rest))
        wait_for(lambda: agreed(rest) == "a")
        lab["c"].start(node=True)
        lab.wait_met()
        wait_for(lambda: agreed(hosts) == "a")
    lab.heal()
