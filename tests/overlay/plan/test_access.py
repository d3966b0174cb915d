from __future__ import annotations

from typing import Any

from simulacra.actors.cluster.invitations import DOOR_PORT
from simulacra.actors.settings import Settings
from simulacra.overlay.mesh import overlay
from simulacra.overlay.plan.access import NODE
from simulacra.overlay.plan.document import Opening, Plan
from tests.hosts.inventory.samples import key
from tests.overlay.plan.inventories import planned

ROLES = {
    "media": {"accepts": ["family", "work"], "ports": ["tcp/8096", "udp/7000-7010"]},
    "store": {"accepts": ["*"]},
    "dead": {"accepts": [], "ports": ["tcp/1"]},
}
HOSTS: dict[str, dict[str, Any]] = {
    "a": {"roles": ["work"]},
    "b": {"roles": ["media"], "ssh": {"host": "b", "port": 2022}},
    "c": {"roles": ["store", "dead"]},
    "relay": {"relay": True, "endpoints": ["r.example.org"], "wireguard": key("r")},
}
PHONE = {"kind": "phone", "roles": ["family"], "wireguard": key("p")}


def inside(plan: Plan, host: str) -> dict[tuple[str, int, int], set[str]]:
    """Who may come to which ports of a host, by names."""
    names = {part.ipv4: name for name, part in plan.hosts.items()}
    return {
        (each.protocol, each.first, each.last): {names[s] for s in each.sources if s in names}
        for each in plan.hosts[host].inside or ()
    }


def test_a_host_whose_roles_say_nothing_accepts_everybody() -> None:
    plan = planned(HOSTS, roles={**ROLES, "family": {}})
    assert plan.hosts["a"].inside is None


def test_where_there_are_phones_everybody_is_who_is_none() -> None:
    plan = planned({**HOSTS, "phone": PHONE}, roles=ROLES)
    everybody = {"b", "c", "relay"}
    assert inside(plan, "a") == {("tcp", 1, 65535): everybody, ("udp", 1, 65535): everybody}


def test_a_role_says_who_may_come_to_which_ports() -> None:
    found = inside(planned({**HOSTS, "phone": PHONE}, roles=ROLES), "b")
    assert found["tcp", 8096, 8096] == {"phone", "a"}
    assert found["udp", 7000, 7010] == {"phone", "a"}
    assert found["tcp", 2022, 2022] == {"a", "c", "relay"}
    assert found["tcp", 7400, 7403] == {"a", "c", "relay"}
    assert found["udp", 7402, 7402] == {"a", "c", "relay"}
    assert {span for span in found if found[span] == {"a", "c", "relay"}} == {
        ("tcp", 2022, 2022),
        ("tcp", 7400, 7403),
        ("udp", 7402, 7402),
    }


def test_what_is_open_to_nodes_is_where_nodes_listen() -> None:
    first, last = NODE
    node = Settings(listen=f"10.44.0.1:{overlay.PORT}")
    assert (overlay.PORT, node.bulk) == (first, last)
    assert DOOR_PORT in range(first, last)


def test_a_role_without_ports_opens_all_and_one_that_accepts_nobody_none() -> None:
    found = inside(planned({**HOSTS, "phone": PHONE}, roles=ROLES), "c")
    assert found["tcp", 1, 65535] == {"a", "b", "relay"}
    assert ("tcp", 1, 1) not in found


def test_from_outside_there_are_ssh_and_the_overlay_only() -> None:
    plan = planned({**HOSTS, "r2": HOSTS["relay"] | {"wireguard": key("r2"), "port": 4000}})
    (number,) = (relay.number for relay in plan.hosts["r2"].relays)
    assert plan.hosts["a"].outside == ()
    assert plan.hosts["b"].outside == (Opening("tcp", 2022, 2022, (), "ssh"),)
    spans = [(each.first, each.last) for each in plan.hosts["r2"].outside]
    assert spans == [(port, port) for port in (4000, 4001, 4001 + number)]
