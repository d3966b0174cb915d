from __future__ import annotations

import pytest

from simulacra.actors.runtime import ActorDeadError, ActorSystem, Exit
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.reason import NOPROC
from simulacra.actors.runtime.refs import Ref
from tests.support import DEADLINE, Scripted, downs, eventually, exits, seen


def dead_ends(system: ActorSystem) -> list[Ref]:
    """A dead actor, an actor that never was, an unused name, a watch."""
    dead, watched = system.spawn(Scripted), system.spawn(Scripted)
    dead.stop()
    system.watch(watched)
    (watch,) = system._watches.values()
    never = (system.name, system.incarnation, 10**6)
    return [system.ref(dead.address), system.ref(never), system.ref("nobody"), watch.ref]


def test_at_a_dead_end_mail_is_counted_and_asks_fail(system: ActorSystem) -> None:
    for count, ref in enumerate(dead_ends(system), 1):
        assert not ref.is_alive()
        ref.tell("x")
        assert system.dead_letters.count == count
        with pytest.raises(ActorDeadError, match="noproc"):
            ref.ask("x")
        assert ref.stop() is False


def test_at_a_dead_end_offered_mail_is_counted_and_asks_fail(system: ActorSystem) -> None:
    for count, ref in enumerate(dead_ends(system), 1):
        target, reply = system.local_target(ref.address[2]), Reply()
        assert target.offer("x", None)
        assert system.dead_letters.count == count
        assert target.offer("x", reply)
        with pytest.raises(ActorDeadError, match="noproc"):
            reply.get(timeout=0)


def test_at_a_dead_end_monitors_and_links_bring_noproc(system: ActorSystem) -> None:
    for ref in dead_ends(system):
        watcher = system.spawn(Scripted, trap_exit=True)
        watcher.ask(lambda actor, ref=ref: actor.monitor(ref))
        assert [down.reason for down in downs(watcher)] == [NOPROC]
        if ref.address[1]:
            watcher.ask(lambda actor, ref=ref: actor.link(ref))
            assert exits(watcher) == [Exit(ref, NOPROC)]


def test_signals_that_ask_for_nothing_are_nothing_at_a_dead_end(system: ActorSystem) -> None:
    for ref in dead_ends(system):
        ref.suspend()
        ref.resume()
        ref.kill()
    assert system.abandoned == 0


def test_what_is_sent_to_a_name_reaches_whoever_has_it(system: ActorSystem) -> None:
    by_name = system.ref("one")
    ref = system.spawn(Scripted, name="one")
    reply = Reply()
    target = system.local_target("one")
    by_name.tell("told")
    target.offer("offered", None)
    target.offer("asked", reply)
    assert reply.get(timeout=DEADLINE) == "asked"
    assert seen(ref) == ["told", "offered", "asked"]
    assert by_name.stop() is True
    assert not ref.is_alive()


def test_a_cell_parks_what_is_offered_when_it_is_full(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, bound=1)
    target = system.local_target(ref.address[2])
    ref.suspend()
    ref.tell("full")
    eventually(lambda: system.actors()[0].mailbox._suspended)
    entered: list[bool] = []
    assert target.offer("parked", None, lambda: entered.append(True)) is False
    ref.resume()
    eventually(lambda: entered)
    assert seen(ref) == ["full", "parked"]
