"""Many hosts deciding at once, over a network in memory that is cut and mended at will."""

from __future__ import annotations

from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.overlay.mesh.model import Contact, Seen
from tests.overlay.mesh.networks import STEP, World
from tests.overlay.plans import made
from tests.support import examples

HOSTS = ("a", "b", "c")
RELAYS = ("r", "s")
ADDRESSES = {name: f"10.77.0.{n}" for n, name in enumerate((*HOSTS, *RELAYS), 1)}
PLAN = made(ADDRESSES, relays=RELAYS)
PAIRS = [frozenset(each) for each in combinations(ADDRESSES, 2)]


def how(world: World, one: str, other: str) -> tuple[str, tuple[str, ...]]:
    line = world.hosts[one].lines(world.now)[other]
    return line.how, line.relays


def connected(world: World, one: str, other: str) -> bool:
    """Whether there is any way that the overlay could take: direct, or by one or two relays."""

    def wire(x: str, y: str) -> bool:
        return frozenset({x, y}) not in world.cut and not {x, y} & world.down

    relays = [each for each in RELAYS if each not in (one, other)]
    by_one = any(wire(one, each) and wire(each, other) for each in relays)
    by_two = any(wire(one, x) and wire(x, y) and wire(y, other) for x, y in permutations(relays, 2))
    return wire(one, other) or by_one or by_two


def test_all_are_direct_where_nothing_is_cut() -> None:
    world = World(PLAN)
    world.run(3)
    for one, other in permutations(ADDRESSES, 2):
        assert how(world, one, other) == ("direct", ())


def test_by_the_nearer_relay_and_back_to_direct() -> None:
    world = World(PLAN, far={frozenset("ar"): 0.08})
    world.run(3)
    world.cut.add(frozenset("ab"))
    world.run(5)
    assert how(world, "a", "b") == how(world, "b", "a") == ("relayed", ("s",))
    world.down.add("s")
    world.run(4)
    assert how(world, "a", "b") == ("relayed", ("r",))
    world.cut.clear()
    world.run(30)
    assert how(world, "a", "b") == ("direct", ())


def test_by_two_relays_where_no_one_relay_reaches_both() -> None:
    world = World(PLAN)
    world.run(3)
    world.cut |= {frozenset("ab"), frozenset("as"), frozenset("br")}
    world.run(8)
    assert how(world, "a", "b") == ("relayed", ("r", "s"))
    assert how(world, "b", "a") == ("relayed", ("s", "r"))
    assert world.reaches("a", "b")
    assert world.reaches("b", "a")


@pytest.mark.slow
@settings(max_examples=examples(6, many=60))
@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from(PAIRS)), st.sets(st.sampled_from(RELAYS), max_size=1)),
        min_size=1,
        max_size=3,
    )
)
def test_whoever_is_reachable_by_anybody_is_reached_soon(
    history: list[tuple[set[frozenset[str]], set[str]]],
) -> None:
    """Whatever was cut before; and no packet ever goes in a circle."""
    world = World(PLAN)
    world.run(2)
    for cut, down in history:
        world.cut, world.down = set(cut), set(down)
        world.run(6)
    world.run(30)  # a search in vain becomes slow
    for one, other in permutations(ADDRESSES, 2):
        if not {one, other} & world.down:
            assert world.reaches(one, other) == connected(world, one, other), (one, other)


def test_who_comes_by_itself_is_spoken_to_at_once() -> None:
    world = World(made({"a": "10.77.0.1", "b": "10.77.0.2"}, nat=["a"]), down={"a"})
    world.run(1)
    world.down.clear()
    world.run(1)
    assert how(world, "b", "a") == how(world, "a", "b") == ("direct", ())
    for number in range(10):
        world.cut.add(frozenset("ab"))
        world.run(4 + number / 5)
        assert how(world, "b", "a") == how(world, "a", "b") == ("none", ())
        world.cut.clear()
        while how(world, "a", "b") != ("direct", ()):
            world.run(STEP)
        world.run(2 * STEP)
        assert how(world, "b", "a") == ("direct", ())


def test_for_new_places_and_after_a_move_nobody_is_begun_with_unlooked_at() -> None:
    # A world asserts it.
    World(made(ADDRESSES, nat=["a", "b"])).run(5)
    world = World(PLAN, cut={frozenset("ab")})
    world.run(5)
    for steering in world.hosts.values():
        steering.moved()
    world.run(1)


def test_a_pause_is_no_reason_to_look_where_all_are_reached() -> None:
    world = World(PLAN)
    world.run(5)
    for steering in world.hosts.values():
        assert not steering.wants_look(world.now + 2)
    world.cut.add(frozenset("ab"))
    world.run(5)
    assert world.hosts["a"].wants_look(world.now + 20)


def test_an_expelled_host_is_let_in_nowhere_and_routed_nowhere() -> None:
    world = World(PLAN)
    world.run(3)
    key = PLAN.hosts["c"].key
    for name, steering in world.hosts.items():
        if name != "c":
            steering.expelled(frozenset({"c"}))
    world.run(0.2)
    for name, seen in world.meshes.items():
        if name != "c":
            assert all(key not in device.peers for device in seen.mesh.devices.values())
            assert not world.reaches("c", name)
            assert not world.reaches(name, "c")
            assert "c" not in world.hosts[name].lines(world.now)


def test_with_another_address_every_peer_is_spoken_to_anew_and_keeps_its_session() -> None:
    world = World(PLAN)
    world.run(3)
    steering = world.hosts["a"]
    steering.moved()
    tries = steering.tries(world.now)
    direct = {each.key for each in tries if each.device == "sim0"}
    assert direct == {PLAN.hosts[name].key for name in ADDRESSES if name != "a"}
    assert all(each.peer.endpoint is not None and not each.afresh for each in tries)
    assert len(steering.probes(world.now)) >= len(tries)  # so that they learn of it at once
    assert steering.tries(world.now) == []


@pytest.mark.parametrize("agreed", [False, True])
def test_a_peer_that_has_just_agreed_is_not_begun_with_afresh(agreed: bool) -> None:
    world = World(PLAN)
    steering = world.hosts["a"]
    mesh = steering.decide(0.0)
    at = 1000.0
    contact = Contact("192.0.2.1:1", at - 0.5 if agreed else 0.0)
    contacts = {("sim0", key): contact for key in mesh.devices["sim0"].peers}
    steering.looked(Seen(mesh, contacts, at=at))
    steering.resolved({each: each for each in (f"{it}:51820" for it in ADDRESSES.values())})
    tries = [each for each in steering.tries(0.0) if each.device == "sim0"]
    assert (tries == []) == agreed
    assert all(each.afresh for each in tries)


def test_a_new_plan_lets_a_host_in_and_leaves_the_others_as_they_are() -> None:
    world = World(PLAN)
    world.run(3)
    before = world.hosts["a"]
    heir = before.heir(made(ADDRESSES | {"d": "10.77.0.9"}, relays=RELAYS))
    mesh = heir.decide(world.now)
    for name, device in before.decide(world.now).devices.items():
        assert device.peers.items() <= mesh.devices[name].peers.items()
    assert len(mesh.devices["sim0"].peers) == len(ADDRESSES)
    assert heir.lines(world.now)["b"] == before.lines(world.now)["b"]
    left = before.heir(made({each: ADDRESSES[each] for each in "abrs"}, relays=RELAYS))
    assert PLAN.hosts["c"].key not in left.decide(world.now).devices["sim0"].peers
    assert "c" not in left.lines(world.now)
