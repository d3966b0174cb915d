"""What every plan promises, for all inventories that are right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import combinations
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from simulacra.overlay.plan.document import HostPlan, Plan
from simulacra.overlay.plan.reachability import Way, matrix
from simulacra.overlay.plan.text import from_text, to_text
from tests.overlay.plan.inventories import few, hosts, of, planned, roles, together

Hosts = dict[str, dict[str, Any]]


def in_mesh(host: HostPlan) -> bool:
    return bool(host.key) and host.kind != "phone"


@few
@given(hosts())
def test_peers_are_symmetric(found: Hosts) -> None:
    plan = of(found)
    peers = {(name, peer.host): peer for name, part in plan.hosts.items() for peer in part.peers}
    for (name, other), peer in peers.items():
        back = peers[other, name]
        assert peer.punched == back.punched
        assert peer.key == plan.hosts[other].key
        # Somebody is found by the other, or both try.
        assert peer.endpoints or back.endpoints or peer.punched
        assert bool(back.keepalive) == (not peer.endpoints)
    meshed = {name for name, part in plan.hosts.items() if in_mesh(part)}
    assert set(peers) == {(a, b) for a in meshed for b in meshed if a != b}


@few
@given(hosts())
def test_links_of_relays_have_two_ends(found: Hosts) -> None:
    plan = of(found)
    for name, part in plan.hosts.items():
        for relay in part.relays:
            served = plan.hosts[relay.host]
            assert relay.key == served.key
            if part.clients or name in {each.host for each in served.relays}:
                back = next(each for each in served.relays if each.host == name)
                assert ends(relay.endpoints) == {back.listen} if relay.endpoints else True
                assert relay.listen not in {part.port, part.port + 1}
            elif part.key:
                assert name in {each.host for each in served.clients}
                assert ends(relay.endpoints) == {served.port + 1}
                assert relay.keepalive
            else:
                assert served.openvpn is not None
                assert name in served.openvpn.shared


def ends(endpoints: tuple[str, ...]) -> set[int]:
    return {int(each.rpartition(":")[2]) for each in endpoints}


@few
@given(hosts())
def test_no_two_devices_of_a_host_use_the_same_port(found: Hosts) -> None:
    for part in of(found).hosts.values():
        ports = [part.port, *(relay.listen for relay in part.relays if relay.listen)]
        ports += [part.port + 1] if part.clients else []
        assert len(set(ports)) == len(ports)
        assert len({relay.device for relay in part.relays}) == len(part.relays)


def devices(part: HostPlan) -> Iterator[list[str]]:
    """The allowed addresses of each device with several peers."""
    yield [each for peer in part.peers for each in peer.allowed]
    yield [each for client in part.clients for each in client.allowed]


@few
@given(hosts())
def test_no_addresses_overlap_on_a_device(found: Hosts) -> None:
    plan = of(found)
    for part in plan.hosts.values():
        for allowed in devices(part):
            for a, b in combinations(map(ip_network, allowed), 2):
                assert a.version != b.version or not a.overlaps(b)


@few
@given(hosts())
def test_addresses_are_in_the_overlay_and_nobody_elses(found: Hosts) -> None:
    plan = of(found)
    own = [address for part in plan.hosts.values() for address in (part.ipv4, part.ipv6)]
    assert len(set(own)) == len(own)
    for part in plan.hosts.values():
        assert ip_address(part.ipv4) in ip_network(plan.ipv4)
        assert ip_address(part.ipv6) in ip_network(plan.ipv6)


@few
@given(hosts(), st.data())
def test_who_comes_or_goes_changes_nothing_between_others(
    found: Hosts, data: st.DataObject
) -> None:
    plan = of(found)
    gone = data.draw(st.sampled_from(sorted(found)))
    rest = together({name: host for name, host in found.items() if name != gone})
    assume(rest)
    for name, part in of(rest).hosts.items():
        before = among(plan.hosts[name], rest)
        assert set(part.outside) <= set(before.outside)
        # Whether there are phones says whether there have to be rules at all.
        assert part == replace(before, outside=part.outside, inside=part.inside)


def among(part: HostPlan, hosts: Hosts) -> HostPlan:
    """What a host's part says of these hosts."""
    served = part.openvpn
    return replace(
        part,
        peers=tuple(each for each in part.peers if each.host in hosts),
        relays=tuple(each for each in part.relays if each.host in hosts),
        clients=tuple(each for each in part.clients if each.host in hosts),
        openvpn=served
        and replace(
            served,
            clients={name: each for name, each in served.clients.items() if name in hosts},
            shared={name: each for name, each in served.shared.items() if name in hosts},
        ),
    )


@few
@given(hosts(), st.data())
def test_the_order_of_the_file_does_not_matter(found: Hosts, data: st.DataObject) -> None:
    order = data.draw(st.permutations(sorted(found)))
    assert to_text(of({name: found[name] for name in order})) == to_text(of(found))


@few
@given(hosts())
def test_whom_somebody_reaches_all_reach(found: Hosts) -> None:
    plan = of(found)
    reached = matrix(plan)
    insiders = {name for name, part in plan.hosts.items() if part.kind != "phone"}
    relayed = any(part.clients or part.relays for part in plan.hosts.values())
    for name in insiders:
        ways = {
            other: reached[other, name]
            for other in insiders
            if other != name and (plan.hosts[other].peers or plan.hosts[other].relays)
        }
        if any(way.way is not Way.NONE for way in ways.values()):
            assert all(way.way is not Way.NONE for way in ways.values())
        if relayed and plan.hosts[name].relays:
            # Not only where punching works.
            assert all(way.relays for way in ways.values())


@few
@given(hosts(), roles())
def test_phones_reach_what_is_exposed_to_them_and_nothing_else(
    found: Hosts, access: dict[str, Any]
) -> None:
    plan = of(found, roles=named(found, access))
    exposed = {
        (phone, name)
        for phone, each in found.items()
        for name, host in found.items()
        if each.get("kind") == "phone" and host.get("kind") != "phone"
        for role in host["roles"]
        if set(named(found, access).get(role, {}).get("accepts", ())) & set(each["roles"])
    }
    for part in plan.hosts.values():
        for client in part.clients:
            reaches = {name for phone, name in exposed if phone == client.host}
            if plan.hosts[client.host].kind == "phone":
                assert client.reaches is not None
                assert set(client.reaches) == {
                    one
                    for name in reaches
                    for one in (f"{plan.hosts[name].ipv4}/32", f"{plan.hosts[name].ipv6}/128")
                }
            else:
                assert client.reaches is None
    for name, part in plan.hosts.items():
        for phone, each in found.items():
            if each.get("kind") != "phone" or part.kind == "phone":
                continue
            assert part.inside is not None
            let_in = any(plan.hosts[phone].ipv4 in opening.sources for opening in part.inside)
            assert let_in == ((phone, name) in exposed)
            assert all(opening.sources for opening in part.inside)


def named(found: Hosts, access: dict[str, Any]) -> dict[str, Any]:
    """Roles that accept only roles that somebody has."""
    known = {role for host in found.values() for role in host["roles"]} | {"*", *access}
    return {
        role: {**each, "accepts": [one for one in each["accepts"] if one in known]}
        for role, each in access.items()
    }


@few
@given(hosts(), roles())
def test_a_plan_is_the_same_again_and_after_reading(found: Hosts, access: dict[str, Any]) -> None:
    plan = of(found, roles=named(found, access))
    assert from_text(to_text(plan)) == plan
    assert to_text(of(found, roles=named(found, access))) == to_text(plan)


@few
@given(hosts())
def test_nothing_private_is_open_to_the_outside(found: Hosts) -> None:
    for name, part in of(found).hosts.items():
        allowed = {("udp", part.port)} if in_mesh(part) else set()
        if found[name].get("relay") and part.key:
            further = [1, *(1 + relay.number for relay in part.relays)]
            allowed |= {("udp", part.port + each) for each in further}
        if part.openvpn is not None:
            allowed |= {("tcp", port) for port in (443, *part.openvpn.shared.values())}
        opened = {
            (each.protocol, port)
            for each in part.outside
            for port in range(each.first, each.last + 1)
        }
        assert opened == allowed


def test_a_host_without_a_key_has_an_address_and_nobody_who_speaks_to_it() -> None:
    plan: Plan = planned({"a": {}, "b": {}})
    assert plan.hosts["a"].ipv4
    assert plan.hosts["a"].peers == ()
    assert plan.hosts["a"].names == ("a.test",)
