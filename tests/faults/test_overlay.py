"""The overlay over real WireGuard devices: nodes talk by way of it, whatever becomes of routes."""

from __future__ import annotations

from functools import partial
from itertools import combinations

import pytest

from tests.faults.overlays import (
    Stream,
    agreed,
    all_are,
    endpoint,
    full,
    has_stale_phones,
    has_turned,
    is_unknown,
    key_of,
    mesh,
    move,
    overlaid,
    pair_is,
    reaches,
    sessions,
    talking,
    undisturbed,
    verdicts,
)
from tests.machines import wait_for
from tests.overlay.plans import with_phone, without

pytestmark = pytest.mark.lab


def test_nodes_of_five_hosts_talk_by_way_of_the_mesh_alone() -> None:
    with overlaid("a", "b", "c", "d", "e", relays=["e"]) as overlay:
        all_are(overlay, "direct")
        for host in overlay:
            peers = host.status()["peers"]
            assert {peer["state"] for peer in peers} == {"up"}
            assert all(peer["address"].startswith("10.44.0.") for peer in peers)
        # Nothing listens outside of it but WireGuard.
        listening = overlay.lab["a"].run(["ss", "-Hltnu"]).stdout
        assert "10.77.0.1:" not in listening.replace("10.77.0.1:22", "")
        wait_for(lambda: verdicts(overlay, "b") == {"ok"})


def test_a_host_with_another_address_is_back_within_a_second() -> None:
    with overlaid("a", "b", "c") as overlay:
        all_are(overlay, "direct")
        streams = [Stream(overlay, "a", "b"), Stream(overlay, "b", "a")]
        with undisturbed(overlay, "a", "b"):
            move(overlay, "a", "10.77.0.99")
            wait_for(lambda: endpoint(overlay, "b", "a") == "10.77.0.99:51820")
            wait_for(lambda: pair_is(overlay, "a", "b", "direct"))
        for each in [stream.end() for stream in streams]:
            assert each["longest"] < 1.0
            assert each["came"] > each["sent"] - 200


def test_a_host_that_is_expelled_under_traffic_is_shut_out_everywhere_at_once() -> None:
    with overlaid("a", "b", "c", "r", relays=["r"]) as overlay:
        all_are(overlay, "direct")
        stream = Stream(overlay, "b", "c")
        assert reaches(overlay, "c", "b")
        inside = ("a", "b", "r")
        met = sessions(overlay, *inside)
        with talking(overlay, "b", "a"):
            overlay.hosts["a"].simulacra("expel", "c")
            for name in inside:
                wait_for(partial(is_unknown, overlay, name, "c"), 3)
                assert not reaches(overlay, "c", name)
        assert stream.end()["missing"] == []  # what came, came whole; the rest never left
        all_are(overlay, "direct", hosts=inside)
        # Each loses the one that is out, and no other.
        assert sessions(overlay, *inside) == {host: n + 1 for host, n in met.items()}


def test_two_behind_nats_find_each_other_by_what_a_third_sees_that_is_no_relay() -> None:
    with overlaid("open", "a", "b", routers={"a": "one", "b": "two"}) as overlay:
        wait_for(lambda: pair_is(overlay, "a", "b", "punched"))
        wait_for(lambda: pair_is(overlay, "open", "a", "direct"))
        # At no place of the plan: it has none for them.
        for name, other in (("a", "b"), ("b", "a")):
            assert not any(
                peer.endpoints for peer in overlay.plan.hosts[name].peers if peer.host == other
            )
        assert reaches(overlay, "a", "b")


def test_twenty_hosts_are_a_full_mesh_and_nodes_of_eight_talk_by_way_of_it() -> None:
    """Twenty nodes, which measure all ways to one another, are too much for two processors."""
    names = [f"h{number}" for number in range(20)]
    with overlaid(*names, nodes=False) as overlay:
        mesh(overlay)
        wait_for(lambda: full(overlay))
        noded = names[:8]
        overlay.lab.start_nodes(*noded)
        with undisturbed(overlay, *noded):
            for pair in combinations(noded, 2):
                wait_for(partial(pair_is, overlay, *pair, "direct"))


def test_a_key_is_rotated_under_traffic_and_nothing_is_lost() -> None:
    """What is sent meanwhile waits where it is, up to 128 packets; here that is 1.28 s of them."""
    with overlaid("a", "b", "r", relays=["r"]) as overlay:
        all_are(overlay, "direct")
        streams = [Stream(overlay, "a", "b", 100.0), Stream(overlay, "b", "a", 100.0)]
        before = overlay.keys["a"]
        with undisturbed(overlay, "a", "b"):
            found = overlay.hosts["a"].json("overlay", "rotate")
            assert set(found["waits_for"]) <= {"b", "r"}
            wait_for(partial(has_turned, overlay, "a", before))
            overlay.keys["a"] = key_of(overlay, "a")
            wait_for(lambda: agreed(overlay, "b", "a"))
            for each in [stream.end() for stream in streams]:
                assert each["missing"] == []
                assert each["came"] == each["sent"]
            overlay.keys["a"] = before
            for name in ("b", "r"):
                wait_for(partial(is_unknown, overlay, name, "a"), 5)
            all_are(overlay, "direct")


def test_a_relay_of_phones_gets_another_key_only_by_force() -> None:
    with overlaid("a", "r", relays=["r"], nodes=False) as overlay:
        overlay.lay(with_phone(overlay.plan, "p", "r"))
        overlay.start_nodes()
        wait_for(lambda: pair_is(overlay, "a", "r", "direct"))
        relay, before = overlay.hosts["r"], overlay.keys["r"]
        refused = relay.simulacra("overlay", "rotate", check=False)
        assert "these phones would reach nothing any more: p; nothing is changed" in refused.stderr
        assert key_of(overlay, "r") == before
        for name in overlay.hosts:
            assert has_stale_phones(overlay, name, {})
        assert relay.json("overlay", "rotate", "--force")["phones"] == ["p"]
        wait_for(partial(has_turned, overlay, "r", before))
        # Whatever the plan still says.
        for name in overlay.hosts:
            wait_for(partial(has_stale_phones, overlay, name, {"p": ["key"]}))


def test_all_rotate_their_keys_at_once() -> None:
    with overlaid("a", "b", "r", relays=["r"]) as overlay:
        all_are(overlay, "direct")
        before = dict(overlay.keys)
        with undisturbed(overlay, "a", "b"):
            for host in overlay:
                host.json("overlay", "rotate")
            for name in overlay.hosts:
                wait_for(partial(has_turned, overlay, name, before[name]))
                for other in overlay.hosts.keys() - {name}:
                    wait_for(partial(is_unknown, overlay, other, name))
            all_are(overlay, "direct")


def test_a_new_plan_counts_soon_and_leaves_the_others_as_they_are() -> None:
    with overlaid("a", "b", "c") as overlay:
        all_are(overlay, "direct")
        stream = Stream(overlay, "a", "b")
        with talking(overlay, "a", "b"):
            overlay.lay(without(overlay.plan, "c"))
            for name in ("a", "b"):
                wait_for(partial(is_unknown, overlay, name, "c"), 8)
            assert not reaches(overlay, "c", "a")
        assert stream.end()["missing"] == []
        assert pair_is(overlay, "a", "b", "direct")
