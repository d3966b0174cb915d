"""Services of a network whose hosts are lost, or cut in two: where they run, and why not."""

from __future__ import annotations

import signal

import pytest

from simulacra.actors.compute.spec import Command, Spec
from simulacra.testing.lab import Host
from tests.faults.network import (
    FIVE,
    Labs,
    agreed,
    led_by,
    running,
    services,
    settled,
    wanted,
)
from tests.machines import wait_for

pytestmark = pytest.mark.lab


def restart(host: Host, *options: str) -> None:
    host.down()
    host.up(*options)


def test_a_service_waits_for_the_host_that_it_needs_and_says_so(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    a, e = lab["a"], lab["e"]
    restart(e, "--label", "camera")
    hosts = settled(lab)
    led_by(a, hosts)
    with wanted(a, film={"needs": ["camera"]}):
        wait_for(lambda: running(a, "film") == ["e"])
        e.signal_node(signal.SIGKILL)
        film = wait_for(lambda: (s := services(a)["film"])["state"] == "waits" and s)
        assert "camera" in film["reason"]
        e.up("--label", "camera")
        wait_for(lambda: running(a, "film") == ["e"])
        assert services(a)["film"]["state"] == "runs"


def test_a_host_that_was_away_does_not_run_what_runs_elsewhere_by_now(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    led_by(lab["a"], hosts)
    restartable = Spec(Command(("sleep", "600"), restartable=True)).to_plain()
    lab["a"].client.item("service_set", name="kept", told={}, spec=restartable, timeout=20.0)
    [first] = wait_for(lambda: running(lab["a"], "kept"))
    rest = [host for host in hosts if host.name != first]
    lab[first].signal_node(signal.SIGKILL)
    [second] = wait_for(lambda: (r := running(rest[0], "kept")) and r != [first] and r)
    lab[first].up()
    states: set[str] = set()

    def ended() -> bool:
        kept = [row for row in lab[first].client.item("ps", finished=True)["rows"]
                if row["name"] == "kept" and row["host"] == first]  # fmt: skip
        states.update(row["state"] for row in kept)
        return "stopped" in states

    wait_for(ended)
    assert states <= {"held", "stopped"}
    assert running(rest[0], "kept") == [second]
    rest[0].client.item("service_unset", name="kept", timeout=20.0)
    wait_for(lambda: "kept" not in services(rest[0]))


def test_in_a_split_each_service_follows_its_rule_and_runs_once_after_it(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    a, e = lab["a"], lab["e"]
    led_by(a, hosts)
    rules = {rule: {"on_split": rule} for rule in ("run-in-both", "run-with-master", "stop")}
    with wanted(a, **rules):
        wait_for(lambda: all(len(running(a, rule)) == 1 for rule in rules))
        lab.split(["a", "b"], ["c", "d", "e"])
        wait_for(lambda: agreed(hosts[2:]) not in (None, "a"))
        for side in (a, e):
            assert wait_for(lambda: running(side, "run-in-both"))  # noqa: B023 (used at once)
            stopped = wait_for(lambda: (s := services(side)["stop"])["state"] == "stopped" and s)  # noqa: B023
            assert "on_split = stop" in stopped["reason"]
        # Three of five are the network's greater part, whoever was master before.
        assert wait_for(lambda: running(e, "run-with-master"))
        wait_for(lambda: not running(a, "run-with-master"))
        lab.heal()
        wait_for(lambda: agreed(hosts))
        for rule in rules:
            wait_for(lambda: len(running(a, rule)) == 1)  # noqa: B023


def test_replicas_keep_to_their_zones_before_during_and_after_a_split(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    a, e = lab["a"], lab["e"]
    for host in (lab["d"], e):
        restart(host, "--zone", "cloud")
    hosts = settled(lab)
    led_by(a, hosts)
    with wanted(a, pages={"replicas": 2, "spread": "zone"}):
        here, there = wait_for(lambda: len(r := running(a, "pages")) == 2 and sorted(r))
        assert (here in "abc", there in "de") == (True, True)
        lab.split(["a", "b", "c"], ["d", "e"])
        wait_for(lambda: agreed(hosts[3:]) not in (None, "a"))
        wait_for(lambda: here in running(a, "pages"))
        wait_for(lambda: there in running(e, "pages"))
        lab.heal()
        wait_for(lambda: agreed(hosts))
        wait_for(lambda: sorted(running(a, "pages")) == [here, there])
    for host in (lab["d"], e):
        restart(host)
