"""Of inventories whose fields are right, each by itself."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.hosts.inventory.samples import SMALL, fingerprint, key, problems, ssh_key, toml

SSH = {"host": "10.0.0.9"}
RELAY = {"relay": True, "endpoints": ["n.example.org"]}

WRONG: list[tuple[dict[str, Any], str, str]] = [
    # changes of hosts, the key that the error names, what it says
    ({"nas": {"zone": "hom"}}, "hosts.nas.zone", "no zone 'hom'; did you mean home?"),
    ({"nas": {"cloud": "big"}}, "hosts.nas.cloud", "no cloud 'big'; known are small"),
    ({"localhost": {"zone": "home"}}, "hosts.localhost", "is no name for a host"),
    ({"nas": {"next": key("desk")}}, "hosts.nas.next", "hosts.desk.wireguard already"),
    ({"nas": {"next": key("nas")}}, "hosts.nas.next", "hosts.nas.wireguard already"),
    ({"attic": {"next": key("a")}}, "hosts.attic.next", "stands where there is no key yet"),
    ({"phone": {"next": key("a")}}, "hosts.phone.next", "takes the place of the one before"),
    ({"nas": {"wireguard": key("desk")}}, "hosts.nas.wireguard", "hosts.desk.wireguard already"),
    (
        {"desk": {"address": "10.44.0.9"}, "nas": {"address": "10.44.0.9"}},
        "hosts.nas.address",
        "10.44.0.9 is hosts.desk.address already",
    ),
    (
        {"desk": {"mac": "02:00:00:00:00:AA"}, "nas": {"mac": "02:00:00:00:00:aa"}},
        "hosts.nas.mac",
        "02:00:00:00:00:aa is hosts.desk.mac already",
    ),
    ({"desk": {"ssh": SSH}, "nas": {"ssh": SSH}}, "hosts.nas.ssh.host", "overwrite the other"),
    (
        {
            "desk": {"ssh": {"host": "a", "public_key": f"{ssh_key('a')} root@a"}},
            "nas": {"ssh": {"host": "b", "public_key": f"{ssh_key('a')} root@b"}},
        },
        "hosts.nas.ssh.public_key",
        "hosts.desk.ssh.public_key already: whoever has one would pass for the other",
    ),
    (
        {"nas": {"ssh": {"host": "b", "public_key": ssh_key("a")[:-4]}}},
        "hosts.nas.ssh.public_key",
        "is cut short, or no public key",
    ),
    ({"nas": {"lan": ["192.168.1.20"]}}, "hosts.nas.lan[0]", "hosts.desk.lan[0] already"),
    (
        {"nas": {"openvpn": {"fingerprint": fingerprint(1)}}, "vm": {}},
        "hosts.vm.openvpn.fingerprint",
        "certificate of its own",
    ),
    (
        # A relay's port for clients is the one after its own.
        {"nas": {"endpoints": ["vm.example.org:51821"]}},
        "hosts.vm.endpoints[0]",
        "behind one public address every host needs ports of its own",
    ),
    ({"nas": {"address": "10.45.0.1"}}, "hosts.nas.address", "no host's address in the overlay"),
    ({"nas": {"address": "10.44.255.255"}}, "hosts.nas.address", "no host's address"),
    ({"nas": {"lan": ["192.168.2.3"]}}, "hosts.nas.lan[0]", "is in no LAN of zone home"),
    ({"nas": {"endpoints": ["10.44.0.7"]}}, "hosts.nas.endpoints[0]", "is in the overlay"),
    ({"vm": {"port": 65535}}, "hosts.vm.port", "a relay uses ports after it, here up to 65536"),
    ({"vm": {"endpoints": ["a.b:65535"]}}, "hosts.vm.endpoints[0]", "here up to 65536"),
    (
        {"vm": {"port": 65500, "number": 2}, "nas": {**RELAY, "number": 50}},
        "hosts.vm.port",
        "here up to 65551",
    ),
    (
        {"vm": {"number": 7}, "nas": {**RELAY, "number": 7}},
        "hosts.vm.number",
        "would be 7, which nas has: state a free one, number = 1",
    ),
    ({"nas": {"number": 7}}, "hosts.nas.number", "is a relay's"),
    ({"vm": {"endpoints": []}}, "hosts.vm.endpoints", "is empty, but a relay answers"),
    ({"vm": {"kind": "appliance", "ssh": SSH}}, "hosts.vm.relay", "a relay has a node"),
    (
        {"nas": {"openvpn": {"serves": True, "fingerprint": fingerprint(2)}}},
        "hosts.nas.openvpn.serves",
        "only a relay serves OpenVPN",
    ),
    (
        {
            "nas": {
                "relay": True,
                "endpoints": ["vm.example.org:4000"],
                "openvpn": {"serves": True, "fingerprint": fingerprint(2)},
            }
        },
        "hosts.vm.openvpn.port",
        "TCP port 443 of vm.example.org is hosts.nas.openvpn.port already",
    ),
    ({"vm": {"openvpn": {"serves": True}}}, "hosts.vm.openvpn.fingerprint", "is missing"),
    ({"vm": {"ssh": SSH | {"port": 443}}}, "hosts.vm.openvpn.port", "port of its ssh already"),
    ({"vm": {"openvpn": None}}, "hosts.attic.openvpn.shared_key", "needs a relay that serves"),
    ({"attic": {"wireguard": key("attic")}}, "hosts.attic.wireguard", "old form only"),
    ({"phone": {"ssh": SSH}}, "hosts.phone.ssh", "nothing is deployed to a phone"),
    ({"phone": {"endpoints": ["a.b"]}}, "hosts.phone.endpoints", "the first to speak"),
    ({"phone": {"mac": "02:00:00:00:00:01"}}, "hosts.phone.mac", "not woken"),
    ({"router": {"zone": "home", "kind": "appliance"}}, "hosts.router.ssh", "by ssh only"),
]


def changed(hosts: dict[str, Any], tables: dict[str, Any] | None = None) -> str:
    data = deepcopy(SMALL)
    for name, fields in hosts.items():
        host = data["hosts"].setdefault(name, {}) | fields
        data["hosts"][name] = {field: value for field, value in host.items() if value is not None}
    for table, fields in (tables or {}).items():
        data[table] |= fields
    return toml(data)


@pytest.mark.parametrize(("hosts", "named", "said"), WRONG, ids=[each[1] for each in WRONG])
def test_hosts_that_are_wrong_together(hosts: dict[str, Any], named: str, said: str) -> None:
    found = problems(changed(hosts))
    assert list(found) == [named]
    assert said in found[named]


@pytest.mark.parametrize(
    ("table", "fields", "named", "said"),
    [
        ("roles", {"a": {"accepts": ["famly"]}}, "roles.a.accepts[0]", "did you mean family?"),
        ("roles", {"a": {"ports": ["tcp/9-8"]}}, "roles.a.ports[0]", "lower to a higher"),
        ("roles", {"a": {"ports": ["udp/70000"]}}, "roles.a.ports[0]", "is no port"),
        ("zones", {"a": {"lan": ["10.44.7.0/24"]}}, "zones.a.lan[0]", "overlaps the overlay's"),
        ("zones", {"a": {"lan": ["10.0.0.0/8"]}}, "zones.a.lan[0]", "overlaps the overlay's"),
        ("network", {"ipv4": "10.44.0.0/30"}, "network.ipv4", "has room for 2 hosts"),
        ("network", {"ipv6": "fd00:1::/96"}, "network.ipv6", "is too small"),
    ],
)
def test_tables_that_are_wrong(table: str, fields: dict[str, Any], named: str, said: str) -> None:
    found = problems(changed({}, {table: fields}))
    assert list(found) == [named]
    assert said in found[named]


def test_a_network_of_ipv6_may_not_overlap_either() -> None:
    tables = {"network": {"ipv6": "fd00:1::/48"}, "zones": {"a": {"lan": ["fd00:1:0:5::/64"]}}}
    assert list(problems(changed({}, tables))) == ["zones.a.lan[0]"]


def test_phones_and_old_hosts_need_relays() -> None:
    alone = changed({"vm": {"relay": False, "openvpn": None}})
    assert list(problems(alone)) == ["hosts.phone.kind", "hosts.attic.openvpn.shared_key"]


def test_two_hosts_behind_one_address_with_ports_of_their_own_are_right() -> None:
    assert problems(changed({"nas": {"endpoints": ["vm.example.org:51823"]}})) == {}
