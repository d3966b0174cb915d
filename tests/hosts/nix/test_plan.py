"""Nix makes of a plan what nodes make of it: the same file, read by both, for any inventory."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from simulacra.overlay.mesh.access import ruleset
from simulacra.overlay.mesh.model import MAIN, PROBING, Device, Peer, Route
from simulacra.overlay.mesh.openvpn import Places, instances
from simulacra.overlay.mesh.wanting import Choices, wanted
from simulacra.overlay.plan.document import FORMAT, Plan
from simulacra.overlay.plan.text import to_text
from tests.hosts.nix.nix import LIBRARY, ROOT, STAND_IN, Nix, NixError, needs_nix
from tests.overlay.plan.inventories import hosts, of, roles
from tests.overlay.plan.test_planning import named
from tests.support import examples

pytestmark = needs_nix

SEEN = STAND_IN.parent / "seen.nix"
SECRETS = Path("/secrets")
PLACES = Places(SECRETS / "certificate", SECRETS / "key", SECRETS / "clients", SECRETS / "shared")


def written(folder: Path, plan: Plan) -> tuple[Path, Path]:
    """An inventory's file and its plan's, as they are committed side by side."""
    inventory, file = folder / "inventory.toml", folder / "plan.json"
    inventory.write_text("# what stands here does not count for Nix, but its hash does\n")
    sha256 = hashlib.sha256(inventory.read_bytes()).hexdigest()
    file.write_text(to_text(replace(plan, inventory=sha256)))
    return inventory, file


def seen(nix: Nix, folder: Path, plan: Plan) -> Any:
    """What Nix makes of each host of a plan."""
    inventory, file = written(folder, plan)
    return nix.evaluate(
        "{ seen, library, inventory, plan }: import (/. + seen) {"
        "  library = /. + library; inventory = /. + inventory; plan = /. + plan;"
        "}",
        seen=str(SEEN),
        library=str(LIBRARY),
        inventory=str(inventory),
        plan=str(file),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans")


tried = settings(max_examples=examples(12, many=40), suppress_health_check=[HealthCheck.too_slow])


@tried
@given(found=hosts(), said=roles())
def test_nix_has_the_devices_and_routes_that_nodes_want(
    nix: Nix, folder: Path, found: dict[str, Any], said: dict[str, Any]
) -> None:
    plan = of(found, roles=said)

    for host, made in seen(nix, folder, plan).items():
        if plan.hosts[host].key:
            assert_as_wanted(made["wireguard"], plan, host)
        else:
            assert made["wireguard"] == {"devices": [], "addresses": [], "routes": []}


def assert_as_wanted(made: Any, plan: Plan, host: str) -> None:
    mine = plan.hosts[host]
    mesh = wanted(plan, host, Choices(mine.key))
    devices = {
        each["name"]: Device(
            each["listen"],
            mine.key,
            {p["key"]: Peer(frozenset(p["allowed"]), None, p["keepalive"]) for p in each["peers"]},
        )
        for each in made["devices"]
    }
    assert devices == mesh.devices
    assert {(name, each) for name in devices for each in made["addresses"]} == mesh.addresses
    # The node's own routes go before these, by their metric alone.
    (metric,) = {each["metric"] for each in made["routes"]} or {0}
    own = {r for r in mesh.routes if r.table == MAIN and r.metric < PROBING}
    assert all(each.metric < metric < PROBING for each in own)
    routes = {Route(r["to"], r["device"], MAIN, r["source"], metric) for r in made["routes"]}
    assert routes == {replace(each, metric=metric) for each in own}


@tried
@given(found=hosts())
def test_nix_tries_the_best_endpoint(nix: Nix, folder: Path, found: dict[str, Any]) -> None:
    plan = of(found)

    for host, made in seen(nix, folder, plan).items():
        mine = plan.hosts[host]
        for device in made["wireguard"]["devices"]:
            planned = {"sim0": mine.peers, "simr": ()}.get(device["name"], mine.relays)
            best = {each.host: each.endpoints[0] for each in planned if each.endpoints}
            assert all(each["endpoint"] == best.get(each["host"]) for each in device["peers"])


@tried
@given(found=hosts(), said=roles())
def test_nix_lets_in_from_outside_what_the_plan_opens(
    nix: Nix, folder: Path, found: dict[str, Any], said: dict[str, Any]
) -> None:
    plan = of(found, roles=said)

    for host, made in seen(nix, folder, plan).items():
        for protocol in ("tcp", "udp"):
            opened = [(each["from"], each["to"]) for each in made["firewall"][protocol]]
            outside = plan.hosts[host].outside
            assert opened == [(e.first, e.last) for e in outside if e.protocol == protocol]


@tried
@given(found=hosts(), said=roles())
def test_nix_guards_the_inside_as_the_helper_does(
    nix: Nix, folder: Path, found: dict[str, Any], said: dict[str, Any]
) -> None:
    plan = of(found, roles=named(found, said))

    for host, made in seen(nix, folder, plan).items():
        table = "table inet {table} {{\n{chains}}}\n".format(**made["access"])
        assert ruleset(plan, host).endswith(table)


@tried
@given(found=hosts())
def test_nix_configures_openvpn_as_the_helper_does(
    nix: Nix, folder: Path, found: dict[str, Any]
) -> None:
    plan = of(found)

    for host, made in seen(nix, folder, plan).items():
        ours = [(e["name"], e["device"], e["config"], e["clients"]) for e in made["openvpn"]]
        theirs = [(e.name, e.device, e.text, e.clients) for e in instances(plan, host, PLACES)]
        assert ours == theirs


def test_a_netmask_is_that_of_its_network(nix: Nix) -> None:
    networks = [ip_network((0, length)) for length in range(33)]

    masks = nix.evaluate(
        "{ file, networks }: map (import (/. + file)).netmask (builtins.fromJSON networks)",
        file=str(LIBRARY / "addresses.nix"),
        networks=json.dumps([str(each) for each in networks]),
    )

    assert masks == [str(each.netmask) for each in networks]


def read(nix: Nix, inventory: Path, plan: Path) -> Any:
    """The plan as Nix reads it."""
    return nix.evaluate(
        "{ file, inventory, plan }:"
        " import (/. + file) { inventory = /. + inventory; plan = /. + plan; }",
        file=str(LIBRARY / "plan.nix"),
        inventory=str(inventory),
        plan=str(plan),
    )


def test_a_plan_of_another_inventory_is_refused_with_what_to_type(nix: Nix, tmp_path: Path) -> None:
    inventory, file = written(tmp_path, of({"desk": {}}))
    inventory.write_text(inventory.read_text() + "# changed since\n")

    with pytest.raises(NixError, match=r"plan\.json is stale.*type `simulacra hosts plan`"):
        read(nix, inventory, file)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("plan.json", "type `simulacra hosts plan`"),
        ("inventory.toml", "`simulacra hosts add NAME`"),
    ],
)
def test_a_file_that_is_not_there_is_told_with_what_to_type(
    nix: Nix, tmp_path: Path, lost: str, said: str
) -> None:
    inventory, file = written(tmp_path, of({"desk": {}}))
    (tmp_path / lost).unlink()

    with pytest.raises(NixError, match=f"there is no .*{lost}: .*{said}"):
        read(nix, inventory, file)


def test_a_plan_of_a_format_two_apart_is_refused(nix: Nix, tmp_path: Path) -> None:
    for apart in (-1, 1):
        near = replace(of({"desk": {}}), format=FORMAT + apart)
        assert seen(nix, tmp_path, near).keys() == {"desk"}
    inventory, file = written(tmp_path, replace(of({"desk": {}}), format=FORMAT + 2))

    with pytest.raises(NixError, match=rf"is of format {FORMAT + 2}, and formats 1 2 3 are read"):
        read(nix, inventory, file)


NAMES = (
    "{ file, inventory, of }:"
    " builtins.attrNames (import (/. + file) { inventory = /. + inventory; }).${of}"
)


def test_nix_reads_of_the_example_who_is_a_node_and_who_is_deployed_to(nix: Nix) -> None:
    def names(of: str) -> set[str]:
        inventory, file = ROOT / "hosts" / "inventory.toml", LIBRARY / "inventory.nix"
        return set(nix.evaluate(NAMES, file=str(file), inventory=str(inventory), of=of))

    assert names("nodes") == {"attic", "desk", "laptop", "nas", "vm"}
    assert names("deployed") == names("nodes")
    assert names("hosts") == names("nodes") | {"phone", "router"}
