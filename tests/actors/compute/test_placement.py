from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.placement import (
    FREEZE_SECONDS,
    UNKNOWN_ROUTE,
    WAIT_LIMIT_SECONDS,
    Cost,
    Host,
    Needs,
    Network,
    Read,
    Route,
    choose,
    cost,
    explain,
)

MIB = 2**20
PYTHON = Software("3.11", "x86_64")
DESK = Host("desk", PYTHON, cores=4)
NAS = Host("nas", PYTHON, cores=2, speed=0.5)
LAN = Route(round_trip=0.001, bandwidth=1e8)
NETWORK = Network.of([DESK, NAS], {("desk", "nas"): LAN})
PHOTOS = Read("nas", "/srv/photos", size=int(1e9), round_trips=1000)

names = st.sampled_from(["a", "b", "c", "d"])
hosts = st.builds(
    Host,
    name=names,
    software=st.just(PYTHON),
    cores=st.integers(1, 8),
    load=st.floats(0, 20),
    speed=st.floats(0.1, 4),
    memory_free=st.integers(0, 10),
)
networks = st.builds(
    Network.of,
    st.lists(hosts, min_size=1, unique_by=lambda host: host.name),
    st.dictionaries(
        st.tuples(names, names), st.builds(Route, st.floats(0, 1), st.floats(1e3, 1e9))
    ),
)
reads = st.builds(Read, names, st.just("p"), st.integers(0, 10**9), st.integers(0, 1000))
needs = st.builds(
    Needs,
    st.just("x"),
    at=st.none() | names,
    reads=st.lists(reads, max_size=3).map(tuple),
    cpu_seconds=st.floats(0, 1000),
    state_size=st.integers(0, 10**9),
    memory=st.integers(0, 10),
)


@given(needs, networks)
def test_the_cheapest_that_can_take_it_is_chosen(what: Needs, network: Network) -> None:
    choice = choose(what, network)
    able = {
        name: cost(what, host, network).total
        for name, host in network.hosts.items()
        if what.memory <= host.memory_free or name == what.at
    }
    assert (choice.host is None) == (not able)
    if choice.host is not None:
        assert able[choice.host] == min(able.values())
        assert [each.host for each in choice.alternatives if each.best] == [choice.host]


@given(needs, networks)
def test_the_order_of_hosts_does_not_matter(what: Needs, network: Network) -> None:
    backwards = Network.of(reversed(list(network.hosts.values())), network.routes)
    assert explain(what, network) == explain(what, backwards)


@given(st.permutations("abcd"), st.none() | names)
def test_of_equals_the_one_where_it_is_stays(order: list[str], at: str | None) -> None:
    network = Network.of(Host(name, PYTHON) for name in order)
    assert choose(Needs("x", at=at), network).host == (at or "a")


def test_the_cost_has_its_components() -> None:
    what = Needs("x", at="desk", reads=(PHOTOS,), cpu_seconds=10, state_size=int(1e8))
    assert cost(what, DESK, NETWORK) == Cost(10.0, 1.0, 10.0, 0.0, 0.0)
    there = cost(what, NAS, NETWORK)
    assert there == Cost(0.0, 0.0, 20.0, 1.0, FREEZE_SECONDS)
    assert (there.moving, there.total) == (1 + FREEZE_SECONDS, 21 + FREEZE_SECONDS)


def test_a_busy_host_is_slower() -> None:
    what = Needs("x", cpu_seconds=10)
    assert cost(what, replace(DESK, load=3), NETWORK).work == 10
    assert cost(what, replace(DESK, load=7), NETWORK).work == 20


def test_what_it_keeps_busy_itself_is_no_other_load_where_it_is() -> None:
    what = Needs("x", at="desk", cpu_seconds=10, busy=4.0)
    assert cost(what, replace(DESK, load=4), NETWORK).work == 10
    assert cost(replace(what, at="nas"), replace(DESK, load=7), NETWORK).work == 20


def test_a_host_that_is_full_for_ever_is_not_waited_for() -> None:
    tiny = replace(NAS, memory_free=0, memory_total=1)
    network = replace(NETWORK, hosts={"desk": DESK, "nas": tiny})
    what = Needs("x", reads=(PHOTOS,), memory=MIB)
    assert choose(what, network).wait_for is None
    assert choose(what, network).host == "desk"


def test_an_unknown_route_is_assumed_to_be_a_plain_line() -> None:
    network = Network.of([DESK, NAS])
    assert network.route("desk", "nas") == UNKNOWN_ROUTE
    assert NETWORK.route("nas", "desk") == LAN


def test_data_pulls_a_computation_and_work_pulls_it_away() -> None:
    assert choose(Needs("x", reads=(PHOTOS,), cpu_seconds=5), NETWORK).host == "nas"
    assert choose(Needs("x", reads=(PHOTOS,), cpu_seconds=50), NETWORK).host == "desk"


def test_the_user_may_say_where() -> None:
    work = Needs("x", cpu_seconds=50)
    assert choose(replace(work, on="nas"), NETWORK).host == "nas"
    assert choose(replace(work, near="nas"), NETWORK).host == "nas"
    far = Network.of([DESK, Host("far", PYTHON, speed=9)], {("desk", "printer"): LAN})
    assert choose(replace(work, near="printer"), far).host == "desk"
    nowhere = choose(replace(work, on="phone"), NETWORK)
    assert nowhere.host is None
    assert all("asked to run on phone" in (a.refused or "") for a in nowhere.alternatives)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"memory": 200 * MIB}, "100 MiB of memory more than is free there now"),
        ({"memory": 900 * MIB}, "900 MiB of memory, of 800 MiB there"),
        ({"labels": ("gpu", "big")}, "not marked gpu"),
        ({"plain": False, "at": "old"}, "Python 3.10"),
    ],
)
def test_each_host_that_cannot_take_it_says_why(change: dict[str, object], reason: str) -> None:
    small = replace(DESK, memory_free=100 * MIB, memory_total=800 * MIB, labels=("big",))
    network = Network.of([small, Host("old", Software("3.10", "x86_64"), memory_free=0)])
    what = replace(Needs("x"), **change)  # type: ignore[arg-type]
    [refused] = [each for each in explain(what, network) if each.host == "desk"]
    assert reason in (refused.refused or "")


def test_the_host_with_the_data_is_waited_for_a_little() -> None:
    network = replace(NETWORK, hosts={"desk": DESK, "nas": replace(NAS, memory_free=0)})
    what = Needs("x", reads=(PHOTOS,), memory=1)
    assert choose(what, network).wait_for == "nas"
    assert choose(what, network).host == "desk"
    assert choose(what, network, waited=WAIT_LIMIT_SECONDS).wait_for is None
    assert choose(replace(what, reads=()), network).wait_for is None


def test_what_cannot_be_measured_so_is_refused_at_the_door() -> None:
    with pytest.raises(ValueError, match="leave it out"):
        Route(0.1, 0)
    with pytest.raises(ValueError, match="measure again"):
        Host("x", PYTHON, cores=0)
