from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.rings import Rings

names = st.lists(st.text("abcdef", min_size=1, max_size=4), min_size=1, max_size=12, unique=True)


def rings_of(hosts: list[str]) -> Rings:
    rings = Rings(3)
    for host in hosts:
        rings.add(host)
    return rings


@given(names)
def test_all_who_know_the_same_hosts_agree_in_whatever_order_they_learned(
    hosts: list[str],
) -> None:
    one = rings_of(hosts)
    other = rings_of([*reversed(hosts), "g", "h"])
    other.remove("h")
    other.remove("g")
    for host in hosts:
        assert one.after(host) == other.after(host)
        assert one.before(host) == other.before(host)


@given(names)
def test_each_probes_as_many_others_as_there_are_rings_or_hosts(hosts: list[str]) -> None:
    rings = rings_of(hosts)
    for host in hosts:
        for beside in (rings.after(host), rings.before(host)):
            assert len(set(beside)) == len(beside) == min(3, len(hosts) - 1)
            assert host not in beside


def test_no_host_is_probed_by_many_and_none_by_nobody() -> None:
    hosts = [f"host-{number}" for number in range(300)]
    rings = rings_of(hosts)
    probed = Counter(target for host in hosts for target in rings.after(host))
    assert set(probed) == set(hosts)
    assert max(probed.values()) <= 5


def test_a_host_that_is_not_on_the_rings_has_neighbours_too() -> None:
    rings = rings_of(["a", "b"])
    assert set(rings.after("c")) == set(rings.before("c")) == {"a", "b"}
    assert Rings(3).after("c") == []
