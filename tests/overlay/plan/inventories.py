"""Inventories for tests of plans: generated ones that are right, and a way to write them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, settings
from hypothesis import strategies as st

from simulacra.hosts.inventory.checks import check
from simulacra.hosts.inventory.problems import InventoryError
from simulacra.hosts.inventory.schema import Inventory
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.planning import plan
from tests.hosts.inventory.samples import fingerprint, key

few = settings(max_examples=40)
"""For tests that have many companions over the same inventories."""

ZONES = ("cloud", "home", "road")
ROLES = ("family", "media", "work")
NAMES = st.sampled_from([f"h{number}" for number in range(40)])

# To make a strategy takes longer than to draw from it.
_SOME_NAMES = st.lists(NAMES, min_size=1, max_size=6, unique=True)
_KIND = st.sampled_from(["behind a nat", "behind a nat", "open", "relay", "server", "phone", "old"])
_ZONE = st.sampled_from(ZONES)
_SOME_ROLES = st.lists(st.sampled_from(ROLES), unique=True, max_size=2)
_DIGIT = st.integers(0, 9)


def planned(hosts: dict[str, dict[str, Any]], **tables: Any) -> Plan:
    """The plan of these hosts."""
    return plan(made(hosts, **tables), "0" * 64)


def made(hosts: dict[str, dict[str, Any]], **tables: Any) -> Inventory:
    """An inventory of these hosts."""
    data = {"network": {"name": "test"}, "zones": {zone: {} for zone in ZONES}, **tables}
    data |= {"hosts": {name: {"zone": "home", **host} for name, host in hosts.items()}}
    inventory = Inventory.model_validate_json(json.dumps(data))
    if problems := list(check(inventory)):
        raise InventoryError(problems)
    return inventory


@st.composite
def hosts(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Up to six hosts of all kinds that go together."""
    names = draw(_SOME_NAMES)
    found = together({name: _host(draw, name, number) for number, name in enumerate(names, 1)})
    assume(found)
    return found


def together(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those of these hosts for which what they need is there."""
    if not any(_serves(host) for host in found.values()):
        found = {n: host for n, host in found.items() if not _is_old(host)}
    if not any(host.get("relay") for host in found.values()):
        found = {n: host for n, host in found.items() if host.get("kind") != "phone"}
    return found


def _host(draw: st.DrawFn, name: str, number: int) -> dict[str, Any]:
    kind = draw(_KIND)
    host: dict[str, Any] = {
        "zone": draw(_ZONE),
        "roles": draw(_SOME_ROLES),
    }
    if kind != "old" and draw(_DIGIT):
        host["wireguard"] = key(name)
    if kind in {"open", "relay", "server"}:
        host["endpoints"] = [f"{name}.example.org"]
    if kind in {"relay", "server"}:
        host["relay"] = True
    if kind == "server" or (kind == "behind a nat" and draw(st.booleans())):
        host["openvpn"] = {"fingerprint": fingerprint(number), "serves": kind == "server"}
    if kind == "old":
        host["openvpn"] = {"shared_key": True}
    if kind == "phone":
        host["kind"] = "phone"
    elif draw(st.booleans()):
        host["lan"] = [f"192.168.{ZONES.index(host['zone'])}.{number}"]
    return host


def _serves(host: dict[str, Any]) -> bool:
    return bool(host.get("openvpn", {}).get("serves"))


def _is_old(host: dict[str, Any]) -> bool:
    return bool(host.get("openvpn", {}).get("shared_key"))


@st.composite
def roles(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """What some of the roles say of access."""
    listed = draw(st.lists(st.sampled_from(ROLES), unique=True))
    return {
        role: {
            "accepts": draw(st.lists(st.sampled_from(["*", *listed]), unique=True)),
            "ports": draw(st.lists(st.sampled_from(["tcp/80", "udp/5000-5010"]), unique=True)),
        }
        for role in listed
    }


def of(found: dict[str, dict[str, Any]], **tables: Any) -> Plan:
    """The plan of hosts that were generated, unless the hashes of their names collide."""
    try:
        return planned(found, **tables)
    except InventoryError as error:
        assume(not all("state a free one" in each.text for each in error.problems))
        raise
