from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given

from simulacra.overlay.mesh.access import none, ruleset
from simulacra.overlay.plan.document import Opening, Plan
from tests.hosts.inventory.samples import key
from tests.overlay.plan.inventories import few, hosts, of, planned, roles
from tests.overlay.plan.test_planning import Hosts, named

from .namespaces import Probe, address, cable, listening, namespace, reached, route, run

OVERLAY = "10.44.0.0/16"

INVENTORY: dict[str, dict[str, Any]] = {
    "box": {"roles": ["media"], "wireguard": key("box"), "ssh": {"host": "box"}},
    "friend": {"roles": ["work"], "wireguard": key("friend")},
    "other": {"wireguard": key("other")},
    "relay": {"relay": True, "endpoints": ["r.example.org"], "wireguard": key("relay")},
    "family": {"kind": "phone", "roles": ["family"], "wireguard": key("family")},
    "stranger": {"kind": "phone", "wireguard": key("stranger")},
}
ROLES = {"media": {"accepts": ["work", "family"], "ports": ["tcp/8096-8098"]}}
SSH, NODE, BULK, MEDIA, ELSE = 22, 7400, 7403, 8097, 40000
PORTS = (SSH, NODE, BULK, MEDIA, ELSE)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return planned(INVENTORY, roles=ROLES)


# -- the text


@few
@given(hosts(), roles())
def test_only_what_the_plan_lets_in_is_accepted(found: Hosts, access: dict[str, Any]) -> None:
    plan = of(found, roles=named(found, access))
    for name, part in plan.hosts.items():
        chain = chains(ruleset(plan, name))["overlay"]
        if part.inside is None:
            assert chain == ["accept"]
            continue
        assert chain[-1] == "counter drop"
        accepted = {
            (source, protocol, ports)
            for line in chain
            if (rule := re.fullmatch(r"ip6? saddr {(.*)} (tcp|udp) dport (\S+) accept", line))
            for source in re.findall(r"[0-9a-f:.]+(?=/)", rule[1])
            for protocol, ports in [(rule[2], rule[3])]
        }
        assert accepted == {
            (source, opening.protocol, span(opening))
            for opening in part.inside
            for source in opening.sources
        }


@few
@given(hosts())
def test_phones_are_the_first_to_speak_to_nobody_but_whom_they_reach(found: Hosts) -> None:
    plan = of(found)
    phones = [part for part in plan.hosts.values() if part.kind == "phone"]
    for name in plan.hosts:
        relayed = chains(ruleset(plan, name))["relayed"]
        for phone in phones:
            for line in relayed:
                if line.endswith("accept") and f"{phone.ipv4}/32" in line:
                    assert line.startswith(f"ip saddr {{ {phone.ipv4}/32 }} ip daddr ")
            dropped = [line for line in relayed if line.endswith("drop")]
            assert sum(f"{phone.ipv4}/32" in line for line in dropped) == 2


def span(opening: Opening) -> str:
    first, last = opening.first, opening.last
    return str(first) if first == last else f"{first}-{last}"


def chains(text: str) -> dict[str, list[str]]:
    """The rules of each chain."""
    found = re.findall(r"  chain (\w+) {\n((?:    .*\n)*)  }", text)
    return {name: [line.strip() for line in body.splitlines()] for name, body in found}


@pytest.mark.parametrize(
    "opening",
    [
        Opening("tcp", 1, 70000, ("10.44.0.1",), ""),
        Opening("tcp; accept", 1, 1, ("10.44.0.1",), ""),
        Opening("tcp", 1, 1, ("10.44.0.1 } accept #",), ""),
    ],
)
def test_what_is_no_rule_makes_none(plan: Plan, opening: Opening) -> None:
    part = replace(plan.hosts["box"], inside=(opening,))
    with pytest.raises(ValueError, match=r"is no |does not appear to be"):
        ruleset(replace(plan, hosts={**plan.hosts, "box": part}), "box")


# -- nftables itself


@dataclass(frozen=True)
class Wired:
    """A host, and somebody at the far end of its overlay and of its other cable."""

    host: str
    far: str

    def load(self, text: str) -> None:
        run("ip", "netns", "exec", self.host, "nft", "-f", "-", stdin=text)

    def reached(self, *probes: Probe) -> list[bool]:
        return list(reached(self.far, probes).values())


@pytest.fixture(scope="module")
def wired(plan: Plan) -> Iterator[Wired]:
    """The host `box`; at the other end of sim0 is every other host at once."""
    with namespace() as host, namespace() as far:
        cable(host, "sim0", far, "to_overlay")
        cable(host, "eth0", far, "to_lan")
        box = plan.hosts["box"]
        address(host, "sim0", f"{box.ipv4}/16", f"{box.ipv6}/48")
        address(host, "eth0", "192.0.2.1/24", "2001:db8::1/64")
        address(far, "to_lan", "192.0.2.2/24", "2001:db8::2/64")
        for name, part in plan.hosts.items():
            if name != "box":
                address(far, "to_overlay", f"{part.ipv4}/16", f"{part.ipv6}/48")
        # An answer to a lie finds its way back, so that only the rules are in between.
        with listening(host, PORTS, [51820]), listening(far, [80]):
            yield Wired(host, far)


@pytest.mark.lab
def test_each_host_reaches_what_it_may(wired: Wired, plan: Plan) -> None:
    wired.load(ruleset(plan, "box"))
    box = plan.hosts["box"]
    expected = {
        "friend": {SSH, NODE, BULK, MEDIA},
        "other": {SSH, NODE, BULK},
        "relay": {SSH, NODE, BULK},
        "family": {MEDIA},
        "stranger": set[int](),
    }
    pairs = [(name, port) for name in expected for port in PORTS]
    for own in ("ipv4", "ipv6"):
        probes = [(getattr(plan.hosts[n], own), getattr(box, own), port) for n, port in pairs]
        found = dict(zip(pairs, wired.reached(*probes), strict=True))
        assert {n: {p for p in PORTS if found[n, p]} for n in expected} == expected


@pytest.mark.lab
def test_a_host_without_a_list_lets_in_all_of_the_overlay(wired: Wired, plan: Plan) -> None:
    open_box = replace(plan.hosts["box"], inside=None)
    wired.load(ruleset(replace(plan, hosts={**plan.hosts, "box": open_box}), "box"))
    stranger, box = plan.hosts["stranger"].ipv4, open_box.ipv4
    assert wired.reached((stranger, box, ELSE), ("192.0.2.2", "192.0.2.1", ELSE)) == [True, True]


@pytest.mark.lab
def test_from_outside_only_what_is_open_answers(wired: Wired, plan: Plan) -> None:
    wired.load(ruleset(plan, "box", outside=True))
    for source, target in (("192.0.2.2", "192.0.2.1"), ("2001:db8::2", "2001:db8::1")):
        probes = [(source, target, port) for port in PORTS]
        assert wired.reached(*probes) == [port == SSH for port in PORTS]
    friend, box = plan.hosts["friend"].ipv4, plan.hosts["box"].ipv4
    assert wired.reached((friend, box, MEDIA)) == [True]
    # What the host itself begins is answered.
    assert reached(wired.host, [("192.0.2.1", "192.0.2.2", 80)]) == {
        ("192.0.2.1", "192.0.2.2", 80): True
    }


@pytest.mark.lab
def test_whoever_only_claims_to_be_in_the_overlay_is_not_heard(wired: Wired, plan: Plan) -> None:
    friend, lan = plan.hosts["friend"].ipv4, "192.0.2.1"
    lie = (friend, lan, MEDIA)
    wired.load(none())
    assert wired.reached(lie) == [True]
    wired.load(ruleset(plan, "box"))
    assert wired.reached(lie) == [False]


@pytest.mark.lab
@pytest.mark.parametrize("outside", [False, True])
def test_nobody_outside_reaches_what_listens_in_the_overlay(
    wired: Wired, plan: Plan, outside: bool
) -> None:
    box = plan.hosts["box"]
    by = {box.ipv4: ("192.0.2.2", "192.0.2.1"), box.ipv6: ("2001:db8::2", "2001:db8::1")}
    for own, (far, near) in by.items():
        table = ["ip", "-6" if ":" in own else "-4", "-n", wired.far, "route"]
        way = [own, "via", near, "dev", "to_lan"]
        run(*table, "add", *way)
        try:
            wired.load(none())
            assert wired.reached((far, own, NODE)) == [True]
            wired.load(ruleset(plan, "box", outside=outside))
            assert wired.reached((far, own, NODE)) == [False]
        finally:
            run(*table, "del", *way)


@pytest.mark.lab
def test_a_relay_lets_phones_reach_what_is_exposed_and_nothing_else(plan: Plan) -> None:
    names = ("box", "other", "friend", "family", "stranger")
    with namespace() as relay, namespace() as hosts, namespace() as clients, namespace() as lan:
        cable(relay, "sim0", hosts, "wire")
        cable(relay, "simr", clients, "wire")
        cable(relay, "eth0", lan, "wire")
        for name in names:
            part, is_client = plan.hosts[name], name in {"friend", "family", "stranger"}
            address(clients if is_client else hosts, "wire", f"{part.ipv4}/32")
            route(relay, part.ipv4, "dev", "simr" if is_client else "sim0")
        address(relay, "eth0", "192.0.2.1/24")
        address(lan, "wire", "192.0.2.2/24")
        own = plan.hosts["relay"].ipv4
        for device, name in (("sim0", hosts), ("simr", clients)):
            address(relay, device, f"{own}/32")
            route(name, "default", "via", own, "dev", "wire", "onlink")
        route(lan, "default", "via", "192.0.2.1")
        run("ip", "netns", "exec", relay, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        at = {name: plan.hosts[name].ipv4 for name in names}
        outward = [
            (at["family"], at["box"], 80),
            (at["family"], at["other"], 80),
            (at["stranger"], at["box"], 80),
            (at["family"], "192.0.2.2", 80),
            (at["friend"], at["box"], 80),
        ]
        back = [
            (at["box"], at["family"], 80),
            (at["other"], "192.0.2.2", 80),
            (at["other"], at["friend"], 80),
        ]
        inward = [("192.0.2.2", at["box"], 80)]
        with listening(hosts, [80]), listening(clients, [80]), listening(lan, [80]):
            for text, expected in (
                (none(), [[True] * 5, [True] * 3, [True]]),
                (
                    ruleset(plan, "relay"),
                    [[True, False, False, False, True], [False, False, True], [False]],
                ),
            ):
                run("ip", "netns", "exec", relay, "nft", "-f", "-", stdin=text)
                tried = ((clients, outward), (hosts, back), (lan, inward))
                assert [list(reached(name, p).values()) for name, p in tried] == expected
