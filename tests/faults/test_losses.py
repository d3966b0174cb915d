"""Hosts of a network that hear one way only, stand still, or go down in order."""

from __future__ import annotations

import signal
import time

import pytest

from simulacra.actors.compute.spec import Command, Spec
from simulacra.testing.lab import Host
from tests.faults.network import (
    FIVE,
    Labs,
    agreed,
    epoch,
    happened,
    last_event,
    led_by,
    running,
    settled,
)
from tests.machines import wait_for

pytestmark = pytest.mark.lab

SPEC = Spec(Command(("sleep", "600"))).to_plain()
WATCHED = 6.0
"""Seconds that must pass without a new master: each host's patience has been tried by then."""


@pytest.mark.parametrize(("says", "deaf"), [("a", "b"), ("b", "a")], ids=["follower", "master"])
def test_a_cut_one_way_makes_no_masters_in_turn(labs: Labs, says: str, deaf: str) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    led_by(lab["a"], hosts)
    lab.cut(says, deaf, one_way=True)
    wait_for(lambda: "b" not in lab["a"].sees() and "a" not in lab["b"].sees())
    # The others hear both, and say so to who asks.
    before, quiet = epoch(lab["c"]), time.monotonic() + WATCHED
    while time.monotonic() < quiet:
        assert max(map(epoch, hosts)) == before
    lab.heal()
    wait_for(lambda: agreed(hosts) == "a")
    lab.wait_met()
    assert epoch(lab["c"]) == before


def test_a_host_that_stands_still_is_lost_in_five_seconds_and_doubles_nothing(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    led_by(lab["a"], hosts)
    a = lab["a"]
    a.client.item("service_set", name="clock", told={}, spec=SPEC, timeout=20.0)
    [where] = wait_for(lambda: running(a, "clock"))
    if where == "a":
        led_by(lab["b"], hosts)
    rest = [host for host in hosts if host.name != where]
    before = {host.name: last_event(host) for host in rest}

    def told(kind: str) -> bool:
        return all(
            any((each["kind"], each["host"]) == (kind, where) for each in happened(host, number))
            for host, number in ((lab[name], number) for name, number in before.items())
        )

    began = time.time()
    lab[where].signal_node(signal.SIGSTOP)
    wait_for(lambda: told("host.lost"), 8)
    lost = [each for host in rest for each in happened(host, before[host.name])]
    assert max(each["time"] for each in lost if each["kind"] == "host.lost") - began < 5
    # It runs elsewhere now; the host that stood still gives its own up when it goes on.
    wait_for(lambda: running(rest[0], "clock") not in ([], [where]))
    lab[where].signal_node(signal.SIGCONT)
    wait_for(lambda: told("host.joined"))
    wait_for(lambda: living(hosts, "clock") == 1)
    a.client.item("service_unset", name="clock", timeout=20.0)
    wait_for(lambda: living(hosts, "clock") == 0)


def living(hosts: list[Host], service: str) -> int:
    """How many replicas of a service run, as each host says of itself."""
    return sum(
        row["kind"] != "node" and row["state"] == "running" and row["host"] == host.name
        for host in hosts
        for row in host.client.item("ps", name=service)["rows"]
    )


def test_a_host_that_says_good_night_is_asleep_and_not_lost_until_it_is_back(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    led_by(lab["a"], hosts)
    rest = [host for host in hosts if host.name != "d"]
    number = last_event(lab["a"])
    lab["d"].simulacra("down", "--asleep")

    def seen(host: Host) -> str | None:
        peers = host.status()["peers"]
        return next((peer["state"] for peer in peers if peer["host"] == "d"), None)

    wait_for(lambda: {seen(host) for host in rest} == {"asleep"})
    assert lab["a"].client.item("focus")["absent"] == []
    lab["d"].up()
    wait_for(lambda: {seen(host) for host in rest} == {"up"})
    told = [each["kind"] for each in happened(lab["a"], number) if each["host"] == "d"]
    assert told == ["host.asleep", "host.joined"]


def test_a_master_that_goes_down_hands_the_focus_over_before(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    led_by(lab["c"], hosts)
    lab["a"].client.item("succession", hosts=["e"], timeout=20.0)
    rest = [host for host in hosts if host.name != "c"]
    before, number = epoch(lab["a"]), last_event(lab["e"])
    lab["c"].down()
    assert [agreed(rest), epoch(lab["a"])] == ["e", before + 1]
    told = {each["kind"]: each for each in happened(lab["e"], number)}
    assert "c goes down" in told["master.changed"]["text"]
    assert told["master.changed"]["time"] < told["host.detached"]["time"]
    assert "host.lost" not in told
    lab["a"].client.item("succession", hosts=[], timeout=20.0)
    # The last that goes has nobody to hand it to, and waits for nobody.
    for host in hosts:
        if host.name not in "ce":
            host.down()
    began = time.monotonic()
    lab["e"].down()
    assert time.monotonic() - began < 2
