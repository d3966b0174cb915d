"""Inventories and plans for tests of deploys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit

from simulacra.hosts.inventory.reading import read
from simulacra.hosts.inventory.schema import Inventory
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.planning import plan
from simulacra.overlay.plan.text import to_text
from tests.hosts.inventory.samples import ssh_key
from tests.overlay.plans import key_of


def host(name: str, *tags: str, zone: str = "home", **more: Any) -> dict[str, Any]:
    """A host that is deployed to, in an inventory."""
    reached = {"host": f"{name}.example.org", "public_key": ssh_key(name)}
    plain = {"zone": zone, "tags": list(tags), "wireguard": key_of(name), "ssh": reached}
    told = {key: value for key, value in (plain | more).items() if value is not None}
    if zone == "home" and "kind" not in more:
        told.setdefault("lan", [f"{name}.local"])
    return told


def text(hosts: Mapping[str, Mapping[str, Any]], network: str = "home") -> str:
    """The file of an inventory."""
    zones: dict[str, Any] = {each["zone"]: {} for each in hosts.values()}
    return tomlkit.dumps({"network": {"name": network}, "zones": zones, "hosts": hosts})


def inventory(hosts: Mapping[str, Mapping[str, Any]]) -> Inventory:
    return read(text(hosts))


def planned(said: str) -> Plan:
    """The plan of an inventory's text."""
    return plan(read(said), hashlib.sha256(said.encode()).hexdigest())


def star(hosts: Iterable[str], relays: Iterable[str]) -> Plan:
    """The plan of hosts behind NATs of their own, and relays on the internet."""
    inside = {name: host(name, zone=f"at-{name}") for name in hosts}
    outside = {
        name: host(name, zone="cloud", endpoints=[f"{name}.example.org"], relay=True)
        for name in relays
    }
    return planned(text(inside | outside))


def write(flake: Path, said: str) -> None:
    """Put an inventory and its plan into a folder."""
    (flake / "hosts").mkdir(parents=True, exist_ok=True)
    (flake / "hosts/inventory.toml").write_text(said)
    (flake / "hosts/plan.json").write_text(to_text(planned(said)))
