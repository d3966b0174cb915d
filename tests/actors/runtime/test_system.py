from __future__ import annotations

import threading

import pytest

from simulacra.actors.runtime import (
    Actor,
    ActorDeadError,
    ActorSystem,
    ExitReason,
    NameTakenError,
    Ref,
)
from simulacra.actors.runtime.reason import NOPROC, SHUTDOWN
from tests.support import (
    DEADLINE,
    Gate,
    Scripted,
    busy,
    end_of,
    eventually,
    nothing_left_behind,
)


def test_a_thousand_starts_and_stops_leave_nothing(system: ActorSystem) -> None:
    with nothing_left_behind():
        for n in range(1_000):
            ref = system.spawn(Scripted, name="again")
            ref.kill() if n % 2 else ref.stop()
    assert system.actors() == []
    assert system.registered() == []
    assert not system._watches
    assert not system.groups._groups_of


def test_what_is_no_class_of_actors_is_refused_at_once(system: ActorSystem) -> None:
    for behaviour in (Actor(), int, "Scripted", None):
        with pytest.raises(TypeError, match="spawn takes a subclass of Actor"):
            system.spawn(behaviour)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no-policy"):
        system.spawn(Scripted, overflow="no-policy")  # type: ignore[arg-type]
    assert system.actors() == []


# -- names


@pytest.mark.parametrize("name", ["", "@", "a@b"])
def test_a_name_that_no_ref_would_lead_to_is_refused(system: ActorSystem, name: str) -> None:
    with pytest.raises(ValueError, match="before a node's"):
        system.spawn(Scripted, name=name)
    ref = system.spawn(Scripted)
    with pytest.raises(ValueError, match="before a node's"):
        system.register(name, ref)
    assert system.actors() == [ref._target]


def test_a_name_leads_to_its_actor_until_that_ends(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, name="one")
    by_name = system.ref("one")
    assert by_name == system.ref("one@test")
    assert by_name.is_alive()
    assert by_name.ask("x") == "x"
    assert system.whereis("one") == ref
    ref.stop()
    assert system.whereis("one") is None
    assert not by_name.is_alive()
    with pytest.raises(ActorDeadError, match="noproc"):
        by_name.ask("x")
    successor = system.spawn(Scripted, name="one")
    assert by_name.ask("y") == "y"
    assert system.whereis("one") == successor


def test_a_taken_name_is_refused_and_nothing_started(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, name="one")
    with pytest.raises(NameTakenError, match=f"'one' is taken by {ref}"):
        system.spawn(Scripted, name="one")
    assert [cell.ref for cell in system.actors()] == [ref]


def test_of_many_that_claim_one_name_one_gets_it(system: ActorSystem) -> None:
    got: list[Ref] = []
    refused: list[NameTakenError] = []
    barrier = threading.Barrier(8)

    def claim() -> None:
        barrier.wait(DEADLINE)
        try:
            got.append(system.spawn(Scripted, name="one"))
        except NameTakenError as error:
            refused.append(error)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert (len(got), len(refused)) == (1, 7)
    assert [cell.ref for cell in system.actors()] == got


def test_a_name_may_be_given_and_taken_away(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    system.register("one", ref)
    assert system.registered() == ["one"]
    with pytest.raises(NameTakenError, match="already has the name 'one'"):
        system.register("two", ref)
    system.unregister("one")
    system.unregister("one")
    system.register("two", ref)
    assert system.registered() == ["two"]
    ref.stop()
    assert system.registered() == []


def test_the_dead_and_those_of_other_nodes_get_no_name(system: ActorSystem) -> None:
    dead = system.spawn(Scripted)
    dead.stop()
    with ActorSystem("other") as other:
        for ref in (dead, other.spawn(Scripted), system.ref("name")):
            with pytest.raises(ActorDeadError, match="does not live in 'test'"):
                system.register("one", ref)


# -- watching from outside


def test_watching_tells_the_reason(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ended = system.watch(ref)
    assert not ended.is_set()
    ref.exit(ExitReason("crash"))
    assert ended.get(timeout=0) == ExitReason("crash")
    assert end_of(system, ref) == NOPROC
    assert not system._watches


# -- stopping


def test_stopping_ends_the_newest_first_and_children_with_their_parents() -> None:
    order: list[str] = []

    class Named(Scripted):
        def __init__(self, name: str) -> None:
            super().__init__(trap_exit=True)
            self.name = name

        def on_stop(self, _: ExitReason) -> None:
            order.append(self.name)

    system = ActorSystem("test")
    with nothing_left_behind(system), system:
        first = system.spawn(Named, "first")
        system.spawn(Named, "second")
        first.ask(lambda actor: actor.spawn(Named, "child"))
    assert order[0] == "second"
    assert sorted(order[1:]) == ["child", "first"]


def test_stopping_kills_the_stubborn_and_says_which() -> None:
    system = ActorSystem("test")
    with nothing_left_behind(system):
        ref = system.spawn(Scripted)
        with busy(ref):
            assert system.stop(timeout=0.01) == [ref]
            assert system.abandoned == 1
        assert system.stop() == []


def test_a_stopping_system_starts_nobody(system: ActorSystem) -> None:
    system.stop()
    with pytest.raises(ActorDeadError, match="'test' is stopping"):
        system.spawn(Scripted)


def test_asks_that_wait_when_the_system_stops_are_answered() -> None:
    system = ActorSystem("test")
    gate = Gate()
    with nothing_left_behind(system):
        ref = system.spawn(Scripted)
        asked = [ref.ask(gate, block=False), ref.ask("x", block=False)]
        gate.wait_entered()
        stopper = threading.Thread(target=lambda: system.stop(timeout=0.01))
        stopper.start()
        for reply in asked:
            with pytest.raises(ActorDeadError):
                reply.get(timeout=DEADLINE)
        gate.open()
        stopper.join(DEADLINE)


def test_several_systems_live_in_one_process(system: ActorSystem) -> None:
    other = ActorSystem("other")
    with nothing_left_behind(other), other:
        here, there = system.spawn(Scripted, name="x"), other.spawn(Scripted, name="x")
        assert here != there
        assert [cell.ref for cell in other.actors()] == [there]
        here.ask(lambda actor: actor.link(there))
        ended = system.watch(here)
    assert ended.get(timeout=DEADLINE) == SHUTDOWN  # links hold between systems of a process
    eventually(lambda: not system.actors())


def test_a_system_shows_what_it_is(system: ActorSystem) -> None:
    system.spawn(Scripted)
    assert repr(system) == "<ActorSystem 'test', 1 actors>"
