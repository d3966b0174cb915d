from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.hosts.inventory.problems import InventoryError
from simulacra.hosts.inventory.reading import read
from simulacra.hosts.inventory.schema import Kind
from tests.hosts.inventory.samples import SMALL, key, problems, toml

EXAMPLE = Path(__file__).parents[3] / "hosts" / "inventory.toml"

Way = tuple[str | int, ...]

BROKEN: list[tuple[Way, Any, str, str]] = [
    # where, what is put there, the key that the error names, what it says
    (("network", "name"), "Home", "network.name", '"Home" is no name'),
    (("network", "port"), "51820", "network.port", "is no whole number"),
    (("network", "ipv4"), "10.44.0.1/16", "network.ipv4", "has host bits set"),
    (("network", "dns"), "x", "network.dns", "there is no such key; known are name, ipv4"),
    (("zones", "home", "lan"), ["x"], "zones.home.lan[0]", "is no network: say ADDRESS/PREFIX"),
    (("zones", "home", "lann"), [], "zones.home.lann", "did you mean lan?"),
    (("roles", "media", "ports"), ["8096"], "roles.media.ports[0]", "is no port: say tcp/8080"),
    (("roles", "media", "accepts"), ["A"], "roles.media.accepts[0]", "is no name"),
    (("clouds", "small", "driver"), "aws", "clouds.small.driver", "is not 'ec2', 'openstack'"),
    (("hosts", "desk", "mac"), "02:00", "hosts.desk.mac", "is no MAC address"),
    (("hosts", "desk", "relay"), "yes", "hosts.desk.relay", "is neither true nor false"),
    (("hosts", "desk", "keepalive"), 0, "hosts.desk.keepalive", "is out of range: greater than"),
    (("hosts", "desk", "address"), "10.44", "hosts.desk.address", "Expected 4 octets"),
    (("hosts", "desk", "ssh"), {"host": 1}, "hosts.desk.ssh.host", "1 is no text"),
    (("hosts", "nas", "ssh"), {"host": "-oX=y"}, "hosts.nas.ssh.host", "is no host's name"),
    (("hosts", "nas", "ssh"), {"host": "box:22"}, "hosts.nas.ssh.host", "is said as ssh.port"),
    (("hosts", "nas", "ssh"), {"host": "[::1]"}, "hosts.nas.ssh.host", "is no host's name"),
    (("hosts", "nas", "ssh"), {"host": "300.1.2.3"}, "hosts.nas.ssh.host", "is no host's name"),
    (("hosts", "nas", "lan"), ["300.1.2.3"], "hosts.nas.lan[0]", "there is no such address"),
    (("hosts", "vm", "endpoints"), ["[::1::2]:7"], "hosts.vm.endpoints[0]", "no such address"),
    (("hosts", "nas", "system"), "x86", "hosts.nas.system", "is no platform"),
    (("hosts", "nas", "wireguard"), "abc", "hosts.nas.wireguard", "is no WireGuard public key"),
    (("hosts", "nas", "lan"), "192.168.1.9", "hosts.nas.lan", "is no list: write it in brackets"),
    (("hosts", "nas", "kind"), "box", "hosts.nas.kind", "is not 'node', 'phone' or 'appliance'"),
    (("hosts", "nas", "password"), "pw", "hosts.nas.password", "no secret stands in an inventory"),
    (("hosts", "vm", "endpoints"), ["a b"], "hosts.vm.endpoints[0]", "is no endpoint: say HOST"),
    (("hosts", "vm", "openvpn", "fingerprint"), "AA", "hosts.vm.openvpn.fingerprint", "is no SHA"),
    (("hosts", "phone", "zone"), 3, "hosts.phone.zone", "3 is no text"),
    (("hosts", "Attic"), {"zone": "home"}, "hosts.Attic", '"Attic" is no name'),
]


def put(data: dict[str, Any], way: Way, value: Any) -> None:
    inner: Any = data
    for part in way[:-1]:
        inner = inner[part]
    inner[way[-1]] = value


def test_the_example_is_right() -> None:
    inventory = read(EXAMPLE.read_text())
    assert inventory.hosts["phone"].kind is Kind.PHONE
    assert inventory.tagged("workstations") == ("laptop", "desk")


def test_what_is_right_is_taken_as_it_is() -> None:
    assert list(read(toml(SMALL)).hosts) == list(SMALL["hosts"])


@pytest.mark.parametrize(("way", "value", "named", "said"), BROKEN, ids=str)
def test_a_field_that_is_wrong(way: Way, value: Any, named: str, said: str) -> None:
    data = deepcopy(SMALL)
    put(data, way, value)
    found = problems(toml(data))
    assert list(found) == [named]
    assert said in found[named]


@settings(max_examples=40)
@given(st.lists(st.sampled_from(BROKEN), min_size=1, unique_by=lambda each: each[0]))
def test_every_error_is_told_at_once(broken: list[tuple[Way, Any, str, str]]) -> None:
    data = deepcopy(SMALL)
    # Two hosts that are right by themselves, but not together: still told beside all others.
    data["hosts"]["one"] = {"zone": "home", "wireguard": key("one")}
    data["hosts"]["two"] = {"zone": "home", "wireguard": key("one")}
    for way, value, _, _ in broken:
        put(data, way, value)
    found = problems(toml(data))
    assert set(found) >= {named for _, _, named, _ in broken}
    assert "is hosts.one.wireguard already" in found["hosts.two.wireguard"]


def test_every_element_of_a_list_that_is_wrong_is_told() -> None:
    data = deepcopy(SMALL)
    put(data, ("roles", "media", "ports"), ["tcp/9-8", "8096", "udp/70000"])
    assert list(problems(toml(data))) == [f"roles.media.ports[{n}]" for n in range(3)]


def test_errors_have_lines_in_their_order() -> None:
    text = '[network]\nname = "Home"\n[zones.a]\n[hosts.b]\nzone = "a"\n\nport = "x"\nmac = ["y"]\n'
    with pytest.raises(InventoryError) as caught:
        read(text)
    assert [each.line for each in caught.value.problems] == [2, 7, 8]
    assert str(caught.value).splitlines()[1].startswith("hosts.b.port (line 7): ")


def test_what_is_no_toml() -> None:
    with pytest.raises(InventoryError, match=r"^the file \(line 2\): is no TOML: "):
        read("[network]\nname = home\n")


def test_dates_and_tables_that_are_none_are_refused() -> None:
    text = '[network]\nname = "a"\nsince = 2020-01-01\n[zones]\na = 3\n[hosts]\nb = 1\n'
    assert problems(text) == {
        "network.since": '"2020-01-01" is a date or a time, which nothing here is',
        "zones.a": "3 is no table",
        "hosts.b": "1 is no table",
    }


def test_nothing_at_all_says_what_to_write() -> None:
    assert problems("") == {
        "network": 'is missing: write [network] with name = "home"',
        "zones": "is missing: write [zones.home]",
        "hosts": 'is missing: write [hosts.desk] with zone = "home"',
    }


WORDS = st.sampled_from(["network", "name", "zones", "hosts", "home", "nas", "ssh", "port", "x"])
VALUES = st.recursive(
    st.none().map(lambda _: True) | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.dictionaries(WORDS, VALUES))
def test_whatever_stands_there_is_taken_or_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InventoryError):
        read(toml(data))


def test_a_long_value_is_cut() -> None:
    data = deepcopy(SMALL)
    data["hosts"]["nas"]["kind"] = "x" * 500
    assert len(problems(toml(data))["hosts.nas.kind"]) < 150
