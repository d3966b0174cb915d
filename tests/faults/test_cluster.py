"""Five hosts as one network: found through one, cut in two, joined again, refocused under load."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest

from simulacra.actors.compute.spec import Command, Spec
from simulacra.actors.gateway.frames import GatewayError
from simulacra.testing.lab import Host
from tests.faults.network import (
    FIVE,
    SPEC,
    Labs,
    agreed,
    epoch,
    happened,
    last_event,
    services,
    settled,
    wanted,
)
from tests.machines import wait_for

pytestmark = pytest.mark.lab


def test_five_hosts_are_cut_in_two_go_on_and_agree_again(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = [lab[name] for name in FIVE]
    lab.wait_met(*FIVE)
    wait_for(lambda: agreed(hosts))
    lab["a"].client.item("refocus", host="a")
    wait_for(lambda: agreed(hosts) == "a")
    begun_in, seen = epoch(lab["a"]), {host.name: last_event(host) for host in hosts}

    left, right = hosts[:2], hosts[2:]
    lab.split(["a", "b"], ["c", "d", "e"])
    deputy = wait_for(lambda: (m := agreed(right)) not in (None, "a") and m)
    assert agreed(left) == "a"

    def told(host: Host, kind: str) -> list[dict[str, Any]]:
        return [each for each in happened(host, seen[host.name]) if each["kind"] == kind]

    for host, others in ((lab["b"], "cde"), (lab["d"], "ab")):
        [begun] = wait_for(lambda: told(host, "split.begun"))  # noqa: B023 (used at once)
        assert set(begun["detail"]["lost"]) <= set(others)
    # Both sides go on: what each writes is told on that side.
    both = {"left", "right"}
    with wanted(lab["b"], left={}), wanted(lab["d"], right={}):
        lab.heal()
        wait_for(lambda: agreed(hosts) == deputy)
        wait_for(lambda: set(services(lab["a"])) == set(services(lab["e"])) == both)
        [split] = wait_for(lambda: splits(lab["a"], since=begun_in))
        assert (split["ours"]["count"], split["theirs"]["count"]) != (0, 0)
        for host in hosts:
            [_] = wait_for(lambda: told(host, "split.healed"))  # noqa: B023 (used at once)


def splits(host: Host, since: int) -> list[dict[str, Any]]:
    """The healed splits of sides that went on since an epoch: other tests cut this lab, too."""
    told = host.client.item("splits")["splits"]
    return [each for each in told if each["other"][0] >= since]


def named(host: Host) -> dict[str, tuple[str, ...]]:
    """What has a name, as a host tells it, and on which hosts."""
    found = host.client.item("where")["names"]
    return {each["name"]: (each["kind"], *each["hosts"]) for each in found}


def names_agree(hosts: Iterable[Host], **named_so: tuple[str, ...]) -> bool:
    """Whether all of these hosts tell the five names of hosts, and these, and no others."""
    wanted = {name: ("host", name) for name in FIVE} | named_so
    return all(named(host) == wanted for host in hosts)


def in_dns(host: Host, name: str) -> str:
    """The address of a name, as the DNS on a host tells it."""
    port = str(host.status()["dns"])
    return host.run([sys.executable, "-c", ASK_DNS, port, name]).stdout.strip()


ASK_DNS = """
import sys, dns.resolver
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = ["127.0.0.1"], int(sys.argv[1])
print(*resolver.resolve(sys.argv[2], "A"))
"""


def test_five_hosts_agree_on_names_before_during_and_after_a_split(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    left, right = hosts[:2], hosts[2:]

    def begin(host: Host, name: str) -> None:
        spec = Spec(Command(("sleep", "600")), name=name, on=host.name).to_plain()
        host.client.item("spawn", spec=spec, timeout=20.0)

    begin(lab["c"], "before")
    before = {"before": ("computation", "c")}
    wait_for(lambda: names_agree(hosts, **before))
    assert {in_dns(host, "b.lab") for host in hosts} == {lab["b"].address}
    with pytest.raises(GatewayError, match="the name before is taken"):
        begin(lab["d"], "before")

    lab.split(["a", "b"], ["c", "d", "e"])
    wait_for(lambda: agreed(right) not in (None, agreed(left)))
    # A name that the other part has as well is taken at once on this side, and never lost there.
    begin(lab["b"], "twin")
    wait_for(lambda: names_agree(left, **before, twin=("computation", "b")))
    begin(lab["e"], "twin")
    wait_for(lambda: names_agree(right, **before, twin=("computation", "e")))
    assert {in_dns(host, "e.lab") for host in hosts} == {lab["e"].address}

    lab.heal()
    lab.wait_met()
    twins = {"twin": ("computation", "b"), "twin-e": ("computation", "e")}
    wait_for(lambda: names_agree(hosts, **before, **twins))
    for host in hosts:
        [renamed] = [each for each in host.client.item("where")["names"] if each["renamed"]]
        assert renamed["name"] == "twin-e"
        assert "was named twin in another part" in renamed["renamed"]
        assert host.client.item("where", name="twin@e")["host"] == "e"
    for name, on in (("before", "c"), ("twin", "b"), ("twin", "e")):
        lab[on].client.item("stop", name=f"{name}@{on}", kill=True, timeout=20.0)
    wait_for(lambda: names_agree(hosts))


def test_every_host_shows_how_far_it_is_between_any_two(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    settled(lab)
    lab.slow("d", "e", latency=0.05)

    def far(host: Host) -> bool:
        told = host.client.item("routes")["routes"]
        trips = {(each["source"], each["target"]): each["round_trip"] for each in told}
        slow = trips.keys() & {("d", "e"), ("e", "d")}
        return len(trips) == 20 and len(slow) == 2 and all(trips[pair] >= 0.1 for pair in slow)

    wait_for(lambda: all(far(host) for host in lab))
    ages = [each["age"] for each in lab["a"].client.item("routes")["routes"]]
    assert max(ages) < 10


def test_a_lost_master_is_followed_by_another_within_ten_seconds(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    lab["b"].client.item("refocus", host="b")
    wait_for(lambda: agreed(hosts) == "b")
    rest = [host for host in hosts if host.name != "b"]
    began = time.monotonic()
    lab["b"].signal_node(signal.SIGKILL)
    after = wait_for(lambda: (m := agreed(rest)) not in (None, "b") and m)
    assert time.monotonic() - began < 10
    # It comes back as one that follows, whatever its disk says.
    lab["b"].up()
    wait_for(lambda: agreed(hosts) == after)


def test_a_master_that_was_stopped_yields_when_it_wakes_up(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    lab["c"].client.item("refocus", host="c")
    wait_for(lambda: agreed(hosts) == "c")
    rest = [host for host in hosts if host.name != "c"]
    lab["c"].signal_node(signal.SIGSTOP)
    after = wait_for(lambda: (m := agreed(rest)) not in (None, "c") and m)
    before = epoch(lab["a"])
    lab["c"].signal_node(signal.SIGCONT)
    wait_for(lambda: agreed(hosts) == after)
    assert epoch(lab["a"]) == before


def test_no_request_is_lost_or_done_twice_in_twenty_refocuses(labs: Labs) -> None:
    lab = labs(*FIVE, nodes=True)
    hosts = settled(lab)
    over = threading.Event()
    asked: list[str] = []
    failed: list[GatewayError] = []

    def ask(host: Host) -> None:
        number = 0
        while not over.is_set():
            name = f"{host.name}-{number}"
            try:
                host.client.item("service_set", name=name, told=NOWHERE, spec=SPEC, timeout=30.0)
            except GatewayError as error:
                failed.append(error)
            asked.append(name)
            number += 1

    askers = [threading.Thread(target=ask, args=(host,)) for host in hosts[:3]]
    for asker in askers:
        asker.start()
    took = []
    for number in range(20):
        target = hosts[number % 5].name
        took.append(hosts[0].client.item("refocus", host=target, timeout=20.0)["took"])
    over.set()
    for asker in askers:
        asker.join(40)
    assert failed == []
    wait_for(lambda: set(services(hosts[4])) >= set(asked))
    assert max(took) < 5
    for name in asked:
        hosts[0].client.item("service_unset", name=name, timeout=20.0)


NOWHERE = {"needs": ["hosts>=99"]}
