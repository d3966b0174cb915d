from __future__ import annotations

from simulacra.actors.runtime import ActorSystem
from tests.support import Scripted


def test_members_come_in_the_order_in_which_they_joined_and_once(system: ActorSystem) -> None:
    one, two = system.spawn(Scripted), system.spawn(Scripted)
    for ref in (two, one, two):
        system.groups.join("workers", ref)
    system.groups.join("all", one)
    assert system.groups.members("workers") == [two, one]
    assert system.groups.names() == ["all", "workers"]


def test_leaving_takes_out_of_that_group_only(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    system.groups.join("a", ref)
    system.groups.join("b", ref)
    system.groups.leave("a", ref)
    system.groups.leave("never joined", ref)
    assert system.groups.names() == ["b"]
    assert system.groups.members("a") == []


def test_the_end_of_an_actor_takes_it_out_of_all_groups(system: ActorSystem) -> None:
    ref, other = system.spawn(Scripted), system.spawn(Scripted)
    for group in ("a", "b"):
        system.groups.join(group, ref)
    system.groups.join("b", other)
    ref.stop()
    assert system.groups.names() == ["b"]
    assert system.groups.members("b") == [other]


def test_the_dead_do_not_join(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ref.stop()
    system.groups.join("a", ref)
    assert system.groups.names() == []


def test_actors_that_end_while_they_join_stay_in_no_group(system: ActorSystem) -> None:
    for _ in range(50):
        ref = system.spawn(Scripted)
        stopped = ref.stop(block=False)
        system.groups.join("a", ref)
        stopped.get(timeout=60)
        assert system.groups.names() == []


def test_groups_are_shared_with_a_node_while_either_has_members(system: ActorSystem) -> None:
    groups, ref = system.groups, system.spawn(Scripted)
    groups.replace_node("b", {})
    assert not groups.are_shared_with("b")
    groups.change_elsewhere("b", "a", ref, joined=True)
    assert (groups.are_shared_with("b"), groups.are_shared_with("c")) == (True, False)
    groups.change_elsewhere("b", "a", ref, joined=False)
    assert not groups.are_shared_with("b")
    groups.join("a", ref)
    assert groups.are_shared_with("b")
