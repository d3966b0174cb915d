from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from simulacra.hosts.inventory.problems import InventoryError
from simulacra.overlay.plan.document import OpenVpnServer
from tests.hosts.inventory.samples import fingerprint, key
from tests.overlay.plan.inventories import planned

OLD = {"openvpn": {"shared_key": True}}


def server(name: str, number: int = 1) -> dict[str, Any]:
    return {
        "relay": True,
        "number": number,
        "endpoints": [f"{name}.example.org:4500", f"[fd99::{number}]"],
        "wireguard": key(name),
        "openvpn": {"serves": True, "fingerprint": fingerprint(number)},
    }


def client(name: str, number: int) -> dict[str, Any]:
    return {"wireguard": key(name), "openvpn": {"fingerprint": fingerprint(number)}}


def test_a_client_finds_the_server_and_the_server_knows_it() -> None:
    plan = planned({"relay": server("relay"), "a": client("a", 2), "b": {"wireguard": key("b")}})
    served = plan.hosts["relay"].openvpn
    assert served is not None
    (relay,) = plan.hosts["a"].relays
    assert relay.openvpn == ("relay.example.org:443", "[fd99::1]:443")
    assert relay.endpoints == ("relay.example.org:4501", "[fd99::1]:51821")
    assert (relay.inside, relay.fingerprint) == (served.address, fingerprint(1))
    assert {name: one for name, (one, _) in served.clients.items()} == {"a": fingerprint(2)}
    assert plan.hosts["b"].relays[0].openvpn == ()


def networks(
    zones: dict[str, Any], numbers: tuple[int, int] = (1, 2), **network: str
) -> list[IPv4Network]:
    hosts = {f"r{number}": server(f"r{number}", number) for number in numbers}
    plan = planned(hosts, network={"name": "test", **network}, zones={"home": {}, **zones})
    return [IPv4Network(part.openvpn.network) for part in plan.hosts.values() if part.openvpn]


def test_servers_have_networks_after_the_overlays_by_their_numbers() -> None:
    assert list(map(str, networks({}))) == ["10.45.0.0/16", "10.46.0.0/16"]
    assert set(map(str, networks({}, (7, 255)))) == {"10.51.0.0/16", "10.43.0.0/16"}
    last = networks({}, ipv4="192.168.255.0/24")
    assert list(map(str, last)) == ["10.0.0.0/24", "10.0.1.0/24"]
    public = networks({}, ipv4="100.64.0.0/12")
    assert list(map(str, public)) == ["10.0.0.0/12", "10.16.0.0/12"]


def test_a_network_that_somebody_has_is_refused_with_a_number_whose_is_free() -> None:
    lan = {"away": {"lan": ["10.45.3.0/24", "fd00::/64"]}}
    wrong = r"hosts.r1.number: .* overlaps the LAN 10.45.3.0/24 of zone away: .* number = 3"
    with pytest.raises(InventoryError, match=wrong):
        networks(lan)
    assert set(map(str, networks(lan, (3, 2)))) == {"10.47.0.0/16", "10.46.0.0/16"}
    # There are 17 networks of this size: number 18 has the first one's.
    with pytest.raises(InventoryError, match=r"hosts.r18.number: .* that of r1: .* number = 2"):
        networks({}, (1, 18), ipv4="100.64.0.0/12")


def test_where_all_networks_are_lans_there_is_room_for_no_server() -> None:
    lans = ["10.0.0.0/9", "10.128.0.0/10", "10.192.0.0/11", "172.16.0.0/12", "192.168.0.0/16"]
    zones = {"away": {"lan": [*lans, "10.240.0.0/12"]}}
    with pytest.raises(InventoryError, match=r"hosts.r2.openvpn.serves: no private network"):
        networks(zones, ipv4="10.224.0.0/12")


def test_addresses_of_clients_are_their_places_in_the_overlay() -> None:
    plan = planned({"relay": server("relay"), "a": client("a", 2)})
    served = plan.hosts["relay"].openvpn
    assert isinstance(served, OpenVpnServer)
    assert served.clients["a"][1] == plan.hosts["a"].ipv4.replace("10.44.", "10.45.")
    assert served.address == plan.hosts["relay"].ipv4.replace("10.44.", "10.45.")


def test_two_old_hosts_have_ports_of_their_own() -> None:
    relay = {"relay": server("relay")}
    plan = planned({**relay, "old": OLD, "older": OLD})
    served = plan.hosts["relay"].openvpn
    assert served is not None
    assert len(set(served.shared.values())) == 2
    port = served.shared["old"]
    with pytest.raises(InventoryError, match=rf"{port} is a port of old: state a free one, port ="):
        planned({**relay, "old": OLD, "older": {"openvpn": {"shared_key": True, "port": port}}})
    with pytest.raises(InventoryError, match="443 is a port of relay"):
        planned({**relay, "old": {"openvpn": {"shared_key": True, "port": 443}}})
