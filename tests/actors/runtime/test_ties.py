"""Links, parents, monitors: who hears of an end, and who ends with it."""

from __future__ import annotations

import itertools

import pytest

from simulacra.actors.runtime import (
    ActorSystem,
    Down,
    Exit,
    Ref,
)
from simulacra.actors.runtime.reason import NOPROC, NORMAL, SHUTDOWN
from simulacra.actors.runtime.signals import DownSignal, ExitSignal
from tests.actors.runtime.behaviours import CRASH, cause, fail
from tests.support import (
    DEADLINE,
    Scripted,
    busy,
    downs,
    end_of,
    eventually,
    exits,
    seen,
)


def test_a_link_shares_a_bad_end_both_ways(system: ActorSystem) -> None:
    for first, second in ((0, 1), (1, 0)):
        pair = [system.spawn(Scripted), system.spawn(Scripted)]
        pair[0].ask(lambda actor, other=pair[1]: actor.link(other))
        ended = system.watch(pair[second])
        pair[first].tell(cause(CRASH))
        assert ended.get(timeout=DEADLINE) == CRASH


def test_a_link_passes_on_the_first_cause_through_a_chain(system: ActorSystem) -> None:
    chain = [system.spawn(Scripted) for _ in range(4)]
    for one, two in itertools.pairwise(chain):
        one.ask(lambda actor, two=two: actor.link(two))
    ended = system.watch(chain[-1])
    chain[0].tell(fail)
    assert str(ended.get(timeout=DEADLINE)) == "ValueError: bad"


def test_a_normal_end_is_shared_with_those_who_trap_only(system: ActorSystem) -> None:
    plain, trapping = system.spawn(Scripted), system.spawn(Scripted, trap_exit=True)
    ref = system.spawn(Scripted)
    for linked in (plain, trapping):
        linked.ask(lambda actor: actor.link(ref))
    ref.stop()
    assert exits(trapping) == [Exit(ref, NORMAL)]
    assert plain.ask("alive") == "alive"
    (cell, _) = system.actors()
    assert cell.ties.links() == frozenset()


def test_a_link_to_the_dead_brings_noproc(system: ActorSystem) -> None:
    dead = system.spawn(Scripted)
    dead.stop()
    trapping, plain = system.spawn(Scripted, trap_exit=True), system.spawn(Scripted)
    ended = system.watch(plain)
    trapping.ask(lambda actor: actor.link(dead))
    plain.tell(lambda actor: actor.link(dead))
    assert exits(trapping) == [Exit(dead, NOPROC)]
    assert ended.get(timeout=DEADLINE) == NOPROC


def test_linking_twice_or_to_oneself_is_one_link_or_none(system: ActorSystem) -> None:
    ref, other = system.spawn(Scripted, trap_exit=True), system.spawn(Scripted)

    def link_all(actor: Scripted) -> int:
        for target in (other, other, actor.ref):
            actor.link(target)
        return len(actor._cell.ties.links())

    assert ref.ask(link_all) == 1
    other.stop()
    assert exits(ref) == [Exit(other, NORMAL)]


def test_a_link_to_a_name_is_refused(system: ActorSystem) -> None:
    with pytest.raises(ValueError, match="not to a name"):
        system.spawn(Scripted).ask(lambda actor: actor.link(system.ref("name")))


def test_after_an_unlink_nothing_of_that_end_arrives(system: ActorSystem) -> None:
    ref, other = system.spawn(Scripted, trap_exit=True), system.spawn(Scripted)

    def end_and_unlink(actor: Scripted) -> None:
        actor.link(other)
        other.stop()  # its exit waits behind the message in hand
        actor.unlink(other)

    ref.ask(end_and_unlink)
    assert seen(ref) == []


def test_an_unlink_racing_the_end_lets_nothing_through(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, trap_exit=True)
    for _ in range(100):
        other = system.spawn(Scripted)

        def race(actor: Scripted, other: Ref = other) -> None:
            actor.link(other)
            other.stop(block=False)
            actor.unlink(other)

        ref.ask(race)
    eventually(lambda: len(system.actors()) == 1)
    assert seen(ref) == []


def test_an_exit_comes_after_the_mail_its_sender_sent_before(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, trap_exit=True)
    other = system.spawn(Scripted)
    ref.ask(lambda actor: actor.link(other))

    def send_and_end(actor: Scripted) -> None:
        for n in range(20):
            ref.tell(n)
        actor.exit(CRASH)

    other.tell(send_and_end)
    eventually(lambda: len(seen(ref)) == 21)
    assert seen(ref) == [*range(20), Exit(other, CRASH)]


@pytest.mark.parametrize("trap_exit", [False, True])
def test_a_child_ends_with_its_parent_even_if_it_traps(
    system: ActorSystem, trap_exit: bool
) -> None:
    parent = system.spawn(Scripted)
    child = parent.ask(lambda actor: actor.spawn(Scripted, trap_exit=trap_exit))
    ended = system.watch(child)
    parent.tell(cause(CRASH))
    assert ended.get(timeout=DEADLINE) == CRASH


def test_a_parents_order_to_exit_is_obeyed_by_a_child_that_traps(system: ActorSystem) -> None:
    parent = system.spawn(Scripted)
    child = parent.ask(lambda actor: actor.spawn(Scripted, trap_exit=True))
    ended = system.watch(child)
    parent.ask(lambda actor: actor.send_exit(child, SHUTDOWN))
    assert ended.get(timeout=DEADLINE) == SHUTDOWN


def test_an_exit_sent_by_another_is_trapped_or_obeyed(system: ActorSystem) -> None:
    sender = system.spawn(Scripted)
    plain, trapping = system.spawn(Scripted), system.spawn(Scripted, trap_exit=True)
    ended = system.watch(plain)
    for ref in (plain, trapping):
        sender.ask(lambda actor, ref=ref: actor.send_exit(ref, NORMAL))
    assert plain.ask("a normal exit from another is nothing") is not None
    sender.ask(lambda actor: actor.send_exit(plain, CRASH))
    assert ended.get(timeout=DEADLINE) == CRASH
    assert exits(trapping) == [Exit(sender, NORMAL)]


def test_an_exit_sent_to_oneself_is_trapped_or_obeyed_also_a_normal_one(
    system: ActorSystem,
) -> None:
    plain, trapping = system.spawn(Scripted), system.spawn(Scripted, trap_exit=True)
    ended = system.watch(plain)
    for ref in (plain, trapping):
        ref.ask(lambda actor: actor.send_exit(actor.ref, NORMAL))
    assert ended.get(timeout=DEADLINE) == NORMAL
    assert exits(trapping) == [Exit(trapping, NORMAL)]


def test_a_monitor_brings_one_down_with_the_reason(system: ActorSystem) -> None:
    watcher, ref = system.spawn(Scripted), system.spawn(Scripted)
    numbers = watcher.ask(lambda actor: [actor.monitor(ref), actor.monitor(ref)])
    ref.exit(CRASH)
    assert sorted(downs(watcher), key=lambda down: down.monitor) == [
        Down(number, ref, CRASH) for number in numbers
    ]


def test_a_monitor_of_the_dead_or_of_nobody_brings_noproc(system: ActorSystem) -> None:
    dead, watcher = system.spawn(Scripted), system.spawn(Scripted)
    dead.stop()
    for ref in (dead, system.ref("nobody")):
        number = watcher.ask(lambda actor, ref=ref: actor.monitor(ref))
        assert downs(watcher)[-1] == Down(number, ref, NOPROC)


def test_a_monitor_of_another_node_that_nothing_leads_to_brings_noconnection(
    system: ActorSystem,
) -> None:
    watcher = system.spawn(Scripted)
    watcher.ask(lambda actor: actor.monitor(system.ref("x@elsewhere")))
    assert str(downs(watcher)[0].reason) == "noconnection"


def test_a_monitor_racing_the_end_brings_exactly_one_down(system: ActorSystem) -> None:
    watcher = system.spawn(Scripted)
    for _ in range(100):
        ref = system.spawn(Scripted)
        ref.stop(block=False)
        watcher.tell(lambda actor, ref=ref: actor.monitor(ref))
    eventually(lambda: len(system.actors()) == 1 and len(downs(watcher)) >= 100)
    assert len({down.monitor for down in downs(watcher)}) == len(downs(watcher)) == 100


def test_a_second_down_signal_for_one_monitor_is_nothing(system: ActorSystem) -> None:
    watcher, ref = system.spawn(Scripted), system.spawn(Scripted)
    number = watcher.ask(lambda actor: actor.monitor(ref))
    for reason in (CRASH, NORMAL):
        watcher.signal(DownSignal(number, ref, reason))
    ref.stop()
    assert downs(watcher) == [Down(number, ref, CRASH)]


def test_a_down_comes_after_the_mail_its_sender_sent_before(system: ActorSystem) -> None:
    watcher, ref = system.spawn(Scripted), system.spawn(Scripted)
    watcher.ask(lambda actor: actor.monitor(ref))

    def send_and_end(actor: Scripted) -> None:
        watcher.tell("before")
        actor.exit()

    ref.tell(send_and_end)
    eventually(lambda: len(seen(watcher)) == 2)
    assert seen(watcher)[0] == "before"


def test_a_down_enters_a_full_mailbox(system: ActorSystem) -> None:
    watcher, ref = system.spawn(Scripted, bound=1), system.spawn(Scripted)
    watcher.ask(lambda actor: actor.monitor(ref))
    with busy(watcher):
        watcher.tell("full")
        ref.stop()
    eventually(lambda: [type(message) for message in seen(watcher)] == [str, Down])


@pytest.mark.parametrize(("flush", "expected"), [(True, 0), (False, 1)])
def test_demonitoring_flushes_a_down_that_waits(
    system: ActorSystem, flush: bool, expected: int
) -> None:
    watcher, ref = system.spawn(Scripted), system.spawn(Scripted)

    def watch_and_stop_watching(actor: Scripted) -> None:
        number = actor.monitor(ref)
        ref.stop()
        actor.demonitor(number, flush=flush)

    watcher.ask(watch_and_stop_watching)
    assert len(downs(watcher)) == expected


def test_a_demonitor_racing_the_end_lets_nothing_through(system: ActorSystem) -> None:
    watcher = system.spawn(Scripted)
    for _ in range(100):
        ref = system.spawn(Scripted)

        def race(actor: Scripted, ref: Ref = ref) -> None:
            number = actor.monitor(ref)
            ref.stop(block=False)
            actor.demonitor(number)

        watcher.ask(race)
    eventually(lambda: len(system.actors()) == 1)
    assert downs(watcher) == []


def test_a_watcher_that_ends_is_forgotten_by_those_it_watched(system: ActorSystem) -> None:
    watcher, ref = system.spawn(Scripted), system.spawn(Scripted)
    watcher.ask(lambda actor: actor.monitor(ref))
    watcher.stop()
    (cell,) = system.actors()
    assert not cell.ties._watchers


def test_an_exit_signal_of_one_not_linked_is_nothing(system: ActorSystem) -> None:
    ref, other = system.spawn(Scripted), system.spawn(Scripted)
    ref.signal(ExitSignal(other, CRASH))
    assert ref.ask("alive") == "alive"


def test_the_end_of_an_actor_that_never_was_is_noproc(system: ActorSystem) -> None:
    assert end_of(system, system.ref("nobody")) == NOPROC
