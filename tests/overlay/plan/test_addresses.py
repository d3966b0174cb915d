from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.hosts.inventory.derived import derived
from simulacra.hosts.inventory.fields import NAME
from simulacra.hosts.inventory.problems import InventoryError
from simulacra.overlay.plan.addresses import allot, interface, place, prefix
from tests.overlay.plan.inventories import made

# Names whose places in 10.44.0.0/24 are the same.
NETWORK = {"name": "test", "ipv4": "10.44.0.0/24"}


def test_addresses_are_what_they_were() -> None:
    """They may never change: hosts that are up have them."""
    addresses = allot(made({"nas": {}}))
    assert addresses.of("nas") == ("10.44.226.171", "fd9c:9bdb:a1aa:0:7cb7:871f:87ee:d08c")


@given(st.from_regex(NAME, fullmatch=True), st.integers(12, 26))
def test_no_address_looks_like_a_networks_own_or_everybodys(name: str, length: int) -> None:
    network = IPv4Network((0x0A2C0000, length), strict=False)
    taken = set[IPv4Address]()
    for _ in range(20):
        found = place(name, network, taken)
        assert found in network
        assert found.packed[-1] not in {0, 255}
        assert found not in taken
        taken.add(found)


def test_who_would_have_such_an_address_has_the_next() -> None:
    network = IPv4Network("10.44.0.0/16")
    assert str(place("laptop", network)) == "10.44.77.74"
    assert derived("host laptop") % (2**16 - 2) + 1 == 85 << 8


def test_the_prefix_is_a_ula_by_the_networks_name() -> None:
    found = prefix(made({}))
    assert found.prefixlen == 48
    assert found.subnet_of(IPv6Network("fd00::/8"))
    assert found != prefix(made({}, network={"name": "other"}))


def test_a_stated_prefix_is_taken() -> None:
    inventory = made({"a": {}}, network={"name": "test", "ipv6": "fd00:1:2:3::/64"})
    assert str(allot(inventory).network6) == "fd00:1:2:3::/64"
    assert allot(inventory).ipv6["a"] == interface("a", IPv6Network("fd00:1:2:3::/64"))


def test_a_collision_is_refused_with_an_address_that_is_free() -> None:
    first, second = colliding()
    with pytest.raises(InventoryError) as caught:
        allot(made({first: {}, second: {}}, network=NETWORK))
    (problem,) = caught.value.problems
    assert problem.path == ("hosts", second, "address")
    free = problem.text.split('"')[1]
    moved = allot(made({first: {}, second: {"address": free}}, network=NETWORK))
    assert str(moved.ipv4[second]) == free
    assert moved.ipv4[first] == place(first, moved.network4)


def test_whoever_states_an_address_keeps_it() -> None:
    network = made({}, network=NETWORK).network.ipv4
    taken = str(place("a", network))
    with pytest.raises(InventoryError) as caught:
        allot(made({"a": {}, "b": {"address": taken}}, network=NETWORK))
    assert caught.value.problems[0].path == ("hosts", "a", "address")


def test_a_lan_may_not_have_the_network_that_the_name_gives() -> None:
    zones = {"home": {"lan": [str(prefix(made({})))]}}
    with pytest.raises(InventoryError, match="overlaps the overlay's network"):
        allot(made({"a": {}}, zones=zones))


def colliding() -> tuple[str, str]:
    network = made({}, network=NETWORK).network.ipv4
    seen: dict[object, str] = {}
    for number in range(1000):
        name = f"h{number}"
        other = seen.setdefault(place(name, network), name)
        if other != name:
            return other, name
    raise AssertionError("no two names of a thousand collide in 254 places")
