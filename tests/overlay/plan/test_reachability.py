from __future__ import annotations

import subprocess
import sys
from typing import Any

from simulacra.overlay.plan.reachability import Reach, Way, reach, uncertain
from tests.hosts.inventory.samples import fingerprint, key
from tests.overlay.plan.inventories import planned

Host = dict[str, Any]

OPEN: Host = {"endpoints": ["o.example.org"], "wireguard": key("o")}
RELAY: Host = {
    "zone": "cloud",
    "relay": True,
    "endpoints": ["r.example.org"],
    "wireguard": key("r"),
}
HOME: Host = {"wireguard": key("h")}
ROAD: Host = {"zone": "road", "wireguard": key("a")}


def test_without_relays_two_behind_nats_must_be_punched_for() -> None:
    plan = planned({"home": HOME, "open": OPEN, "away": ROAD})
    assert reach(plan, "away", "open") == Reach(Way.DIRECT)
    assert reach(plan, "open", "away") == Reach(Way.DIRECT)
    assert reach(plan, "home", "away") == Reach(Way.PUNCHED)
    assert list(uncertain(plan)) == [("away", "home")]


def test_with_a_relay_nothing_is_uncertain() -> None:
    plan = planned({"home": HOME, "relay": RELAY, "away": ROAD})
    assert reach(plan, "home", "away") == Reach(Way.PUNCHED, ("relay",))
    assert reach(plan, "relay", "away") == Reach(Way.DIRECT, ("relay",))
    assert list(uncertain(plan)) == []


def test_hosts_in_one_lan_need_nobody() -> None:
    other = {"wireguard": key("x"), "lan": ["192.168.0.7"]}
    plan = planned({"home": HOME, "other": other})
    assert reach(plan, "home", "other").way is Way.DIRECT
    assert plan.hosts["home"].peers[0].endpoints == ("192.168.0.7:51820",)
    assert plan.hosts["other"].peers[0].endpoints == ()
    assert plan.hosts["home"].peers[0].keepalive == 25
    assert plan.hosts["other"].peers[0].keepalive == 0


def test_old_hosts_are_reached_over_the_relays_that_serve_them() -> None:
    server = RELAY | {"openvpn": {"serves": True, "fingerprint": fingerprint(1)}}
    hosts = {"home": HOME, "relay": server, "old": {"openvpn": {"shared_key": True}}}
    plan = planned(hosts)
    assert reach(plan, "home", "old") == Reach(Way.RELAYED, ("relay",))
    assert plan.hosts["old"].relays[0].inside == plan.hosts["relay"].openvpn.address  # type: ignore[union-attr]
    assert plan.hosts["old"].peers == ()


def test_a_phone_reaches_only_what_is_exposed_and_is_reached_by_nobody() -> None:
    phone = {"kind": "phone", "roles": ["family"], "wireguard": key("p")}
    hosts = {"home": HOME | {"roles": ["media"]}, "relay": RELAY, "phone": phone}
    plan = planned(hosts, roles={"media": {"accepts": ["*", "family"], "ports": ["tcp/80"]}})
    assert reach(plan, "phone", "home") == Reach(Way.RELAYED, ("relay",))
    assert reach(plan, "phone", "relay") == Reach(Way.NONE)
    assert reach(plan, "home", "phone") == Reach(Way.NONE)


def test_who_has_no_key_is_reached_by_nobody() -> None:
    plan = planned({"home": HOME, "relay": RELAY, "new": {}})
    assert reach(plan, "home", "new") == Reach(Way.NONE)
    assert reach(plan, "new", "home") == Reach(Way.NONE)


def test_nodes_read_a_plan_without_what_only_inventories_need() -> None:
    told = "import sys, simulacra.overlay.plan.text, simulacra.overlay.plan.reachability;"
    told += "import simulacra.overlay.plan.changing, simulacra.overlay.mesh.access;"
    told += "print({'pydantic', 'tomlkit', 'cryptography'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
