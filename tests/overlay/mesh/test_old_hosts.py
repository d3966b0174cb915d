"""Where hosts of OpenVPN's old form are, to others: behind the relays that serve them."""

from __future__ import annotations

from dataclasses import replace

from simulacra.overlay.mesh.knowledge import Knowledge
from simulacra.overlay.mesh.messages import Told
from simulacra.overlay.mesh.model import FROM_CLIENTS, MAIN, Mesh, Route
from simulacra.overlay.mesh.paths import Rung
from simulacra.overlay.mesh.wanting import Choices, wanted
from simulacra.overlay.plan.document import Plan
from tests.overlay.plans import key_of
from tests.overlay.tunnelled import tunnelled

OLD = "10.44.0.3/32"
PLAN = tunnelled(["relay", "b", "old"], {}, old=["old"])


def mesh(plan: Plan, host: str, gone: frozenset[str] = frozenset()) -> Mesh:
    return wanted(plan, host, Choices(key_of(host), gone=gone))


def test_others_reach_it_by_the_device_to_its_relay() -> None:
    [route] = [each for each in mesh(PLAN, "b").routes if each.to == OLD]
    assert (route.device, route.table, route.source) == ("sim1", MAIN, "10.44.0.2")
    assert not [each for each in mesh(PLAN, "b").routes if each.to == "fd77::3/128"]


def test_the_relay_that_serves_it_leaves_it_to_openvpn() -> None:
    assert not [each for each in mesh(PLAN, "relay").routes if each.to == OLD]


def test_another_relay_passes_on_to_the_one_that_serves_it() -> None:
    more = tunnelled(["relay", "other", "old"], {}, old=["old"])
    two = more.hosts["other"]
    serving = replace(two.relays[0], device="sim1", listen=51823)
    client = replace(more.hosts["relay"].clients[0], host="b")
    plan = replace(
        more, hosts={**more.hosts, "other": replace(two, relays=(serving,), clients=(client,))}
    )
    routes = mesh(plan, "other").routes
    assert Route(OLD, "sim1", FROM_CLIENTS, metric=77) in routes


def test_who_was_expelled_is_nowhere() -> None:
    assert not [each for each in mesh(PLAN, "b", frozenset({"old"})).routes if each.to == OLD]


def test_a_relay_that_has_it_says_so_and_others_reach_it_by_that() -> None:
    relay = Knowledge(PLAN, "relay", patience=2.0)
    assert relay.ways("old", 0.0) == []
    relay.old = frozenset({"old"})
    [way] = relay.ways("old", 0.0)
    assert (way.device, way.rung) == ("simk11943", Rung.RELAYED)
    other = Knowledge(PLAN, "b", patience=2.0)
    other.told(Told("relay", relay.attached(0.0)), 0.0)
    assert other.word("relay", 0.0) is not None
    relay.expelled(frozenset({"old"}))
    assert relay.attached(0.0) == {}
