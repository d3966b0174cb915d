from __future__ import annotations

from typing import Any

import pytest

from simulacra.overlay.plan.changing import changes, cut_off
from tests.hosts.inventory.samples import key
from tests.overlay.plan.inventories import planned

HOSTS: dict[str, dict[str, Any]] = {
    "a": {"wireguard": key("a")},
    "b": {"wireguard": key("b"), "zone": "road"},
    "vm": {"wireguard": key("vm"), "relay": True, "endpoints": ["vm.example.org"]},
}


def but(**changed: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    found = {**HOSTS, **changed}
    return {name: host for name, host in found.items() if host is not None}


def test_nothing_is_changed_by_the_same() -> None:
    assert list(changes(planned(HOSTS), planned(HOSTS))) == []


def test_a_host_that_comes_is_everybodys_peer() -> None:
    found = list(changes(planned(HOSTS), planned(but(c={"wireguard": key("c")}))))
    assert ("a", "peers: +c") in found
    assert ("vm", "clients: +c") in found
    assert any(
        host == "c" and text.startswith("joins the network at 10.44.") for host, text in found
    )


def test_what_differs_is_named() -> None:
    vm = HOSTS["vm"] | {"port": 4000, "endpoints": ["new.example.org"]}
    found = list(changes(planned(HOSTS), planned(but(b=None, vm=vm))))
    assert ("b", "leaves the network") in found
    assert ("a", "peers: -b") in found
    assert ("a", "peers: ~vm") in found
    assert ("a", "relays: ~vm") in found
    assert ("vm", "port: 51820 -> 4000") in found
    assert ("vm", "what it lets in from outside is new") in found


def test_a_change_of_the_network_is_told_first() -> None:
    new = planned(HOSTS, network={"name": "test", "ipv4": "10.50.0.0/16"})
    assert next(changes(planned(HOSTS), new)) == ("[test]", "ipv4: 10.44.0.0/16 -> 10.50.0.0/16")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"a": None}, "a would be in the network no more"),
        ({"a": {}}, "a would have no key"),
        ({"a": {"wireguard": key("other")}}, "a would have another key"),
        ({"b": {}, "vm": {"zone": "home"}}, "a would reach nobody"),
    ],
)
def test_a_plan_that_cuts_a_host_off(changed: dict[str, Any], why: str) -> None:
    assert cut_off(planned(HOSTS), planned(but(**changed)), "a").startswith(why)


def test_a_host_that_turns_to_its_next_key_is_not_cut_off() -> None:
    old = planned(but(a={"wireguard": key("a"), "next": key("a later")}))
    new = planned(but(a={"wireguard": key("a later")}))
    assert old.hosts["a"].next == new.hosts["a"].key
    assert cut_off(old, new, "a") == ""


def test_a_plan_that_cuts_others_off_is_no_such() -> None:
    assert cut_off(planned(HOSTS), planned(but(b=None)), "a") == ""
    assert cut_off(planned(HOSTS), planned(but(a=None)), "elsewhere") == ""
