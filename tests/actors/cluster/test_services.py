from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.needs import Capabilities, parse_needs, ports_of, unmet
from simulacra.actors.cluster.service_spec import EACH_ZONE, OnSplit, Service
from simulacra.actors.cluster.services import SETTLED, Decision, Part, Running, place

NOW = 1000.0


def host(name: str, zone: str = "home", cores: int = 4, *has: str) -> Capabilities:
    return Capabilities(name, cores, 8 * 2**30, "x86_64", zone, frozenset(has))


def part(*hosts: Capabilities, split: bool = False, elected: bool = True, up: float = 0.0) -> Part:
    known = {each.host: each for each in hosts}
    return Part(known, dict.fromkeys(known, up), split, elected)


HOME = part(host("desk", "home", 8), host("nas", "home", 4, "disk"), host("vm", "cloud", 2))


def one(
    service: Service, here: Part, *running: str, now: float = NOW, since: float = 0.0
) -> Decision:
    """The decision for one service that runs on these hosts, the first one longest."""
    at = [Running(name, since + order) for order, name in enumerate(running)]
    [decision] = place([service], here, {service.name: at}, now)
    return decision


WEB = Service("web")


def test_a_service_starts_where_it_fits_and_stays_there() -> None:
    decision = one(WEB, HOME)
    assert (decision.hosts, decision.start, decision.state) == (("desk",), ("desk",), "runs")
    kept = one(WEB, HOME, "vm")
    assert (kept.hosts, kept.start, kept.stop) == (("vm",), (), ())
    assert kept.reason == "runs on vm"


def test_what_a_host_has_held_goes_on_if_it_is_missing_and_is_stopped_if_not() -> None:
    def decided(service: Service, here: Part, *running: Running) -> Decision:
        [decision] = place([service], here, {service.name: running}, NOW)
        return decision

    held, runs = Running("vm", 0.0, held=True), Running("desk", NOW)
    resumed = decided(WEB, HOME, held)
    assert (resumed.hosts, resumed.start, resumed.stop) == (("vm",), ("vm",), ())
    surplus = decided(WEB, HOME, held, runs)
    assert (surplus.hosts, surplus.start) == (("desk",), ())
    assert surplus.stop == (("vm", "1 is enough"),)
    # Where it may not run now nothing happens to it: later it may.
    deputy = part(*HOME.hosts.values(), split=True, elected=False)
    assert (decided(WEB, deputy, held).hosts, decided(WEB, deputy, held).stop) == ((), ())
    disk = decided(Service("web", parse_needs("disk")), HOME, held)
    assert (disk.hosts, disk.start, disk.stop) == (("nas",), ("nas",), ())
    # A deputy goes on with what is to run in both parts: a laptop alone works on.
    both = Service("web", on_split="run-in-both")
    assert decided(both, deputy, held).start == ("vm",)


def test_it_goes_where_its_needs_are_met_and_says_why_it_waits() -> None:
    disk = Service("files", parse_needs("disk"))
    assert one(disk, HOME).hosts == ("nas",)
    moved = one(disk, HOME, "vm")
    assert moved.hosts == moved.start == ("nas",)
    assert moved.stop == (("vm", "it has no disk"),)
    gpu = one(Service("train", parse_needs("gpu,cores>=8")), HOME)
    assert (gpu.hosts, gpu.state) == ((), "waits")
    assert gpu.reason == (
        "no host can run it: desk: it has no gpu; "
        "nas: it has no gpu, it has 4 cores, and at least 8 are needed; "
        "vm: it has no gpu, it has 2 cores, and at least 8 are needed"
    )
    assert one(WEB, part()).reason == "no host can run it: no host is up"
    nowhere = one(Service("train", parse_needs("gpu"), EACH_ZONE), part(host("a")))
    assert nowhere.reason == "no host can run it: a: it has no gpu"


def test_it_stops_when_the_network_carries_it_no_more_and_starts_again() -> None:
    quorum = Service("quorum", parse_needs("hosts>=3"))
    assert one(quorum, HOME).state == "runs"
    small = part(host("desk"), host("nas"))
    decision = one(quorum, small, "nas")
    reason = "2 hosts are up, and at least 3 are needed"
    assert (decision.state, decision.reason) == ("waits", reason)
    assert decision.stop == (("nas", reason),)
    assert one(quorum, HOME).start == ("desk",)


def test_a_lost_host_is_replaced() -> None:
    decision = one(WEB, HOME, "gone")
    assert decision.hosts == ("desk",)
    assert decision.stop == (("gone", "the host is not here"),)


def test_replicas_are_counted_and_the_oldest_stay() -> None:
    assert one(Service("web", replicas=2), HOME).hosts == ("desk", "nas")
    less = one(WEB, HOME, "vm", "desk")
    assert (less.hosts, less.stop) == (("vm",), (("desk", "1 is enough"),))
    short = one(Service("web", parse_needs("cores>=4"), replicas=3), HOME)
    assert (short.hosts, short.state) == (("desk", "nas"), "short")
    assert short.reason == (
        "2 of 3 replicas run, on desk, nas; vm: it has 2 cores, and at least 4 are needed"
    )


def test_a_port_is_had_by_one_service_of_a_host() -> None:
    needs = parse_needs("port:80,disk")
    first, second = Service("a", needs), Service("b", needs)
    running = {"b": [Running("nas", 0.0)]}
    a, b = place([first, second], HOME, running, NOW)
    assert (b.hosts, a.hosts) == (("nas",), ())
    assert "nas: its port 80 is had by b" in a.reason
    taken = part(replace(host("nas", "home", 4, "disk"), ports=frozenset({80})))
    assert "its port 80 is taken" in one(first, taken).reason


SPREAD = Service("dns", replicas=2, spread="zone")


def test_a_spread_takes_different_zones_and_more_in_one_only_without_them() -> None:
    assert one(SPREAD, HOME).hosts == ("desk", "vm")
    assert one(SPREAD, part(host("desk"), host("nas"))).hosts == ("desk", "nas")
    assert one(replace(SPREAD, replicas=3), HOME).hosts == ("desk", "nas", "vm")


def test_a_replica_moves_for_the_spread_only_to_a_host_that_stays() -> None:
    fresh = Part(HOME.hosts, {"desk": 0.0, "nas": 0.0, "vm": NOW - 1})
    assert one(SPREAD, fresh, "desk", "nas").hosts == ("desk", "nas")
    decision = one(SPREAD, fresh, "desk", "nas", now=NOW + SETTLED)
    assert (decision.hosts, decision.start) == (("desk", "vm"), ("vm",))
    assert decision.stop == (("nas", "vm is in another zone"),)


def test_as_even_as_it_can_be_nothing_moves() -> None:
    more = part(*HOME.hosts.values(), host("mini", "home"), host("box", "cloud"))
    three = replace(SPREAD, replicas=3)
    assert one(three, more, "desk", "nas", "vm").hosts == ("desk", "nas", "vm")


def test_one_in_each_zone() -> None:
    each = Service("cache", replicas=EACH_ZONE)
    assert one(each, HOME).hosts == ("desk", "vm")
    again = one(each, HOME, "nas", "desk")
    assert again.hosts == ("nas", "vm")
    assert again.stop == (("desk", "one in its zone is enough"),)


@pytest.mark.parametrize("elected", [True, False])
@pytest.mark.parametrize("service", [SPREAD, Service("cache", replicas=EACH_ZONE)])
def test_a_spread_runs_on_both_sides_of_a_split(service: Service, elected: bool) -> None:
    side = part(host("nas"), split=True, elected=elected)
    assert one(service, side).hosts == ("nas",)


@pytest.mark.parametrize(
    ("rule", "with_master", "with_deputy"),
    [
        ("run-in-both", "runs", "runs"),
        ("run-with-master", "runs", "stopped"),
        ("stop", "stopped", "stopped"),
    ],
)
def test_a_single_one_follows_its_rule_in_a_split(
    rule: OnSplit, with_master: str, with_deputy: str
) -> None:
    service = Service("db", on_split=rule)
    for elected, state in ((True, with_master), (False, with_deputy)):
        decision = one(service, part(host("nas"), split=True, elected=elected), "nas")
        assert decision.state == state
        assert (decision.stop == ()) == (state == "runs")
        assert state == "runs" or f"on_split = {rule}" in decision.reason
    assert one(service, part(host("nas"))).state == "runs"


def test_after_a_split_the_one_that_ran_longest_stays() -> None:
    both = {"db": [Running("vm", 50.0), Running("nas", 20.0)]}
    [decision] = place([Service("db", on_split="run-in-both")], HOME, both, NOW)
    assert decision.hosts == ("nas",)
    assert decision.stop == (("vm", "1 is enough"),)


# -- whatever there is

NAMES = ["a", "b", "c", "d", "e"]
hosts = st.builds(
    Capabilities,
    st.sampled_from(NAMES),
    cores=st.integers(1, 4),
    zone=st.sampled_from(["", "home", "cloud"]),
    has=st.frozensets(st.sampled_from(["kvm", "gpu"])),
    ports=st.frozensets(st.sampled_from([80])),
)
parts = st.builds(
    lambda known, up, split, elected: Part(
        {each.host: each for each in known}, dict(zip(NAMES, up, strict=True)), split, elected
    ),
    st.lists(hosts, max_size=5),
    st.lists(st.sampled_from([0.0, NOW - 1]), min_size=5, max_size=5),
    st.booleans(),
    st.booleans(),
)
expressions = st.sampled_from(["kvm", "!gpu", "cores>=3", "hosts>=3", "port:80", "port:81"])
services = st.lists(
    st.builds(
        Service,
        st.sampled_from(["w", "x", "y", "z"]),
        st.lists(expressions, max_size=2).map(parse_needs),
        st.integers(0, 4),
        st.sampled_from(["none", "zone"]),
        st.sampled_from(["run-in-both", "run-with-master", "stop"]),
    ),
    max_size=4,
    unique_by=lambda service: service.name,
)
running = st.dictionaries(
    st.sampled_from(["w", "x", "y", "z"]),
    st.lists(st.builds(Running, st.sampled_from([*NAMES, "gone"]), st.floats(0, NOW)), max_size=4),
)
States = Mapping[str, Collection[Running]]


@given(services, parts, running)
def test_placements_are_sound(given_: list[Service], here: Part, at: States) -> None:
    decisions = place(given_, here, at, NOW)
    ports: Counter[tuple[str, int]] = Counter()
    by_name = {service.name: service for service in given_}
    assert [each.service for each in decisions] == sorted(by_name)
    for each in decisions:
        service = by_name[each.service]
        before = {run.host for run in at.get(service.name, ())}
        assert set(each.start) == set(each.hosts) - before
        assert {name for name, _ in each.stop} == before - set(each.hosts)
        assert all(not unmet(service.needs, here.hosts[name]) for name in each.hosts)
        assert each.reason
        zones = Counter(here.hosts[name].zone for name in each.hosts)
        if service.replicas == EACH_ZONE:
            assert set(zones.values()) <= {1}
        else:
            assert len(each.hosts) <= service.replicas
        if here.split and not service.is_spread:
            stops = service.on_split == "stop"
            stops |= service.on_split == "run-with-master" and not here.elected
            assert not stops or (each.hosts == () and each.state == "stopped")
        ports.update((name, port) for name in each.hosts for port in ports_of(service.needs))
    assert all(count == 1 for count in ports.values())


@given(services, parts, running)
def test_it_settles_and_then_nothing_moves(given_: list[Service], here: Part, at: States) -> None:
    now = NOW
    for _ in range(len(given_) + 2):
        decisions = place(given_, here, at, now)
        since = {(name, run.host): run.since for name, runs in at.items() for run in runs}
        at = {
            each.service: [
                Running(name, since.get((each.service, name), now)) for name in each.hosts
            ]
            for each in decisions
        }
        now += SETTLED
    last = place(given_, here, at, now)
    assert all(not each.start and not each.stop for each in last)


@given(services, parts, running, st.randoms(use_true_random=False))
def test_the_order_that_things_are_told_in_does_not_matter(
    given_: list[Service], here: Part, at: States, random: object
) -> None:
    mixed, names = list(given_), list(here.hosts)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    random.shuffle(names)  # type: ignore[attr-defined]
    other = replace(here, hosts={name: here.hosts[name] for name in names})
    backwards = {name: list(at[name])[::-1] for name in reversed(list(at))}
    assert place(given_, here, at, NOW) == place(mixed, other, backwards, NOW)


@given(services, parts, running)
def test_what_waits_or_is_short_fits_nowhere(given_: list[Service], here: Part, at: States) -> None:
    for each in place(given_, here, at, NOW):
        service = next(service for service in given_ if service.name == each.service)
        if each.state not in ("waits", "short") or ports_of(service.needs):
            continue
        network = unmet(parse_needs("cores>=3"), Capabilities("x", len(here.hosts)))
        few = any(need.kind == "network" for need in service.needs) and network
        free = [name for name in here.hosts if name not in each.hosts]
        assert few or all(unmet(service.needs, here.hosts[name]) for name in free)


@given(services, parts, running, hosts)
def test_a_host_that_comes_takes_nothing_from_what_runs_well(
    given_: list[Service], here: Part, at: States, new: Capabilities
) -> None:
    without = {name: known for name, known in here.hosts.items() if name != new.host}
    before = place(given_, replace(here, hosts=without), at, NOW)
    now_at = {each.service: [Running(name, 0.0) for name in each.hosts] for each in before}
    more = replace(
        here,
        hosts={**without, new.host: new},
        up_since=dict.fromkeys((*without, new.host), NOW),
    )
    for first, then in zip(before, place(given_, more, now_at, NOW), strict=True):
        assert set(first.hosts) <= set(then.hosts)
