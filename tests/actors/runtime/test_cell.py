from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from simulacra.actors.runtime import (
    Actor,
    ActorDeadError,
    ActorSystem,
    AskTimeoutError,
    Down,
    Exit,
    ExitReason,
    Ref,
    StartError,
)
from simulacra.actors.runtime._pykka import Shell
from simulacra.actors.runtime.errors import IgnoreStart
from simulacra.actors.runtime.reason import KILLED, NOPROC, NORMAL, SHUTDOWN
from simulacra.actors.runtime.signals import DownSignal, ExitSignal
from tests.support import (
    DEADLINE,
    Gate,
    Scripted,
    busy,
    downs,
    end_of,
    eventually,
    exits,
    seen,
)

CRASH = ExitReason("crash")


def cause(reason: ExitReason) -> Callable[[Actor], None]:
    return lambda actor: actor.exit(reason)


def fail(_: object) -> None:
    raise ValueError("bad")


class Starting(Actor):
    """Runs a function when it starts."""

    def __init__(self, start: Callable[[Starting], object]) -> None:
        self.start = start

    def on_start(self) -> None:
        self.start(self)


class Stopping(Scripted):
    """Runs a function when it ends."""

    def __init__(self, stop: Callable[[ExitReason], object]) -> None:
        super().__init__()
        self.stop = stop

    def on_stop(self, reason: ExitReason) -> None:
        self.stop(reason)


# -- how it ends


def test_an_error_in_a_tell_ends_the_actor(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ended = system.watch(ref)
    ref.tell(fail)
    assert str(ended.get(timeout=DEADLINE)) == "ValueError: bad"


def test_whoever_gets_an_actors_error_finds_it_dead_and_its_name_free(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        ref = system.spawn(Scripted, name="fragile")
        with caplog.at_level(logging.CRITICAL), pytest.raises(ValueError, match="bad"):
            ref.ask(fail)
        assert not ref.is_alive()
        assert system.registered() == []


def test_an_actor_ends_itself_with_a_reason_of_its_own(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ended = system.watch(ref)
    with pytest.raises(ActorDeadError, match="ended: crash") as caught:
        ref.ask(cause(CRASH))
    assert caught.value.reason == CRASH
    assert ended.get(timeout=0) == CRASH


def test_on_stop_hears_the_reason_once(system: ActorSystem) -> None:
    reasons: list[ExitReason] = []
    for message in (cause(CRASH), cause(NORMAL)):
        system.spawn(Stopping, reasons.append).ask(message, block=False)
    eventually(lambda: not system.actors())
    assert sorted(map(str, reasons)) == ["crash", "normal"]


@pytest.mark.parametrize(
    ("asked", "raised", "expected"),
    [
        (NORMAL, ValueError("late"), "ValueError: late"),
        (CRASH, ValueError("late"), "crash"),
    ],
)
def test_an_error_in_on_stop_is_the_reason_unless_there_was_a_worse_one(
    system: ActorSystem, asked: ExitReason, raised: Exception, expected: str
) -> None:
    def stop(_: ExitReason) -> None:
        raise raised

    ref = system.spawn(Stopping, stop)
    ended = system.watch(ref)
    ref.exit(asked)
    assert str(ended.get(timeout=0)) == expected


def test_mail_that_waited_is_refused_at_the_end(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    with busy(ref):
        ref.tell("told")
        asked = ref.ask("asked", block=False)
        stopped = ref.stop(block=False)
    assert stopped.get(timeout=DEADLINE) is True
    with pytest.raises(ActorDeadError, match="ended: normal"):
        asked.get(timeout=0)
    assert system.dead_letters.count == 1


def test_an_error_of_the_runtimes_own_ends_the_actor_as_well(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, bound=1)
    (cell,) = system.actors()
    ended = system.watch(ref)
    with busy(ref):
        ref.tell("full")
        assert cell.offer("parked", None, lambda: fail(None)) is False
    assert str(ended.get(timeout=DEADLINE)) == "ValueError: bad"


# -- starting


def test_a_failed_start_leaves_nothing_behind(system: ActorSystem) -> None:
    parent = system.spawn(Scripted, trap_exit=True)

    def spawn_broken(actor: Scripted) -> int:
        with pytest.raises(StartError, match="ValueError: bad"):
            actor.spawn(Starting, fail, name="broken")
        return len(actor._cell.ties.links())

    assert parent.ask(spawn_broken) == 0
    assert seen(parent) == []
    assert len(system.actors()) == 1
    assert system.registered() == []


def test_a_constructor_that_fails_is_a_failed_start(system: ActorSystem) -> None:
    with pytest.raises(StartError, match="unexpected keyword argument") as caught:
        system.spawn(Scripted, unknown=1)
    assert isinstance(caught.value.__cause__, TypeError)


def test_a_start_may_end_with_a_reason_of_its_own(system: ActorSystem) -> None:
    with pytest.raises(StartError, match="crash") as caught:
        system.spawn(Starting, cause(CRASH))
    assert caught.value.reason == CRASH


def test_an_actor_may_ask_not_to_be_started(system: ActorSystem) -> None:
    def ignore(_: object) -> None:
        raise IgnoreStart("nothing to do")

    parent = system.spawn(Scripted, trap_exit=True)

    def spawn_ignored(actor: Scripted) -> int:
        with pytest.raises(IgnoreStart, match="nothing to do"):
            actor.spawn(Starting, ignore)
        return len(actor._cell.ties.links())

    assert parent.ask(spawn_ignored) == 0
    assert seen(parent) == []


def test_a_start_that_takes_too_long_is_killed_and_heard_of_once(system: ActorSystem) -> None:
    gate = Gate()
    parent = system.spawn(Scripted, trap_exit=True)

    def spawn_slow(actor: Scripted) -> int:
        with pytest.raises(AskTimeoutError, match=r"Starting did not start within 0\.01 s"):
            actor.spawn(Starting, gate, start_timeout=0.01)
        return len(actor._cell.ties.links())

    assert parent.ask(spawn_slow) == 0
    assert seen(parent) == []
    assert system.abandoned == 1
    gate.open()
    eventually(lambda: system.abandoned == 0)


def test_a_kill_while_it_starts_is_a_failed_start(system: ActorSystem) -> None:
    gate = Gate()
    parent = system.spawn(Scripted, trap_exit=True)
    stopped: list[ExitReason] = []

    def spawn_killed(actor: Scripted) -> str:
        with pytest.raises(StartError) as caught:
            actor.spawn(Starting, gate, name="slow")
        return str(caught.value.reason)

    answer = parent.ask(spawn_killed, block=False)
    gate.wait_entered()
    system.ref("slow").kill()
    assert answer.get(timeout=DEADLINE) == "killed"
    gate.open()
    assert seen(parent) == stopped == []
    eventually(lambda: system.abandoned == 0)


def test_a_process_without_threads_fails_the_start(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: Shell) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(Shell, "start_thread", no_thread)
        with pytest.raises(StartError, match="can't start new thread"):
            system.spawn(Scripted, name="one too many")
    assert system.actors() == []
    assert system.registered() == []


def test_an_actor_may_be_sent_mail_before_it_has_started(system: ActorSystem) -> None:
    gate = Gate()

    class Slow(Scripted):
        def on_start(self) -> None:
            gate()

    starter = threading.Thread(target=lambda: system.spawn(Slow, name="slow"))
    starter.start()
    gate.wait_entered()
    system.ref("slow").tell("early")
    gate.open()
    starter.join(DEADLINE)
    assert seen(system.ref("slow")) == ["early"]


# -- killing


def test_a_kill_answers_the_ask_in_hand_and_tells_the_linked_killed(system: ActorSystem) -> None:
    watcher, ref = system.spawn(Scripted, trap_exit=True), system.spawn(Scripted)
    watcher.ask(lambda actor: actor.link(ref))
    gate = Gate()
    asked = ref.ask(gate, block=False)
    gate.wait_entered()
    ref.kill()
    with pytest.raises(ActorDeadError, match="killed"):
        asked.get(timeout=0)
    assert exits(watcher) == [Exit(ref, KILLED)]
    assert system.abandoned == 1
    gate.open()
    eventually(lambda: system.abandoned == 0)


def test_a_kill_is_not_told_to_the_actors_code(system: ActorSystem) -> None:
    reasons: list[ExitReason] = []
    ref = system.spawn(Stopping, reasons.append)
    ref.kill()
    eventually(lambda: system.abandoned == 0)
    assert reasons == []


def test_killing_the_dead_changes_nothing(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ended = system.watch(ref)
    ref.stop()
    eventually(lambda: system._cells == {} and ref._target.returned)  # type: ignore[attr-defined]
    ref.kill()
    assert system.abandoned == 0
    assert ended.get(timeout=0) == NORMAL


def test_a_kill_between_mailbox_and_handler_answers_the_ask(system: ActorSystem) -> None:
    for _ in range(100):
        ref = system.spawn(Scripted)
        asked = ref.ask("x", block=False)
        ref.kill()
        try:
            asked.get(timeout=DEADLINE)
        except ActorDeadError as error:
            assert error.reason == KILLED  # noqa: PT017 - either end is right


def test_the_exit_reason_kill_sent_cannot_be_trapped_and_reads_killed(system: ActorSystem) -> None:
    sender, ref = system.spawn(Scripted), system.spawn(Scripted, trap_exit=True)
    ended = system.watch(ref)
    sender.ask(lambda actor: actor.send_exit(ref, ExitReason("kill")))
    assert ended.get(timeout=DEADLINE) == KILLED


def test_the_exit_reason_kill_by_a_link_can_be_trapped(system: ActorSystem) -> None:
    ref, linked = system.spawn(Scripted), system.spawn(Scripted, trap_exit=True)
    linked.ask(lambda actor: actor.link(ref))
    ref.tell(cause(ExitReason("kill")))
    eventually(lambda: exits(linked) == [Exit(ref, ExitReason("kill"))])


def test_a_killed_actor_that_goes_on_can_start_link_and_watch_nobody(system: ActorSystem) -> None:
    gate, done = Gate(), threading.Event()
    ref, other = system.spawn(Scripted), system.spawn(Scripted)

    def go_on(actor: Scripted) -> None:
        gate()
        actor.link(other)
        actor.monitor(other)
        actor.spawn(Scripted)
        done.set()

    ref.tell(go_on)
    gate.wait_entered()
    ref.kill()
    gate.open()
    assert done.wait(DEADLINE)
    eventually(lambda: [cell.ref for cell in system.actors()] == [other])
    (cell,) = system.actors()
    assert cell.ties.links() == frozenset()
    assert not cell.ties._watchers


# -- suspending


def test_a_suspended_actor_handles_no_mail_until_it_is_resumed(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ref.suspend()
    asked = ref.ask("x", block=False)
    with pytest.raises(AskTimeoutError):
        asked.get(timeout=0.01)
    ref.resume()
    assert asked.get(timeout=DEADLINE) == "x"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_suspended_actor_can_be_ended(system: ActorSystem, end: str) -> None:
    ref = system.spawn(Scripted)
    ref.suspend()
    asked = ref.ask("x", block=False)
    ref.kill() if end == "kill" else ref.stop()
    with pytest.raises(ActorDeadError):
        asked.get(timeout=DEADLINE)


# -- links


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


# -- parents


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


# -- monitors


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


# -- answering later


def test_an_answer_may_be_given_later_by_another(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    taken: list[Any] = []
    asked = ref.ask(lambda actor: taken.append(actor.defer_reply()), block=False)
    eventually(lambda: taken)
    assert ref.ask("goes on") == "goes on"
    assert not asked.is_set()
    taken[0].set("later")
    assert asked.get(timeout=0) == "later"


def test_a_deferred_answer_ends_with_the_actor(system: ActorSystem) -> None:
    for end in (Ref.stop, Ref.kill):
        ref = system.spawn(Scripted)
        taken: list[Any] = []
        asked = ref.ask(lambda actor, taken=taken: taken.append(actor.defer_reply()), block=False)
        eventually(lambda taken=taken: taken)  # type: ignore[misc]
        end(ref)
        with pytest.raises(ActorDeadError):
            asked.get(timeout=DEADLINE)


def test_answers_that_were_given_are_forgotten(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    assert ref.ask(lambda actor: actor.defer_reply().set("now")) == "now"
    (cell,) = system.actors()
    assert not cell._deferred


def test_only_an_ask_in_hand_can_be_deferred(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ended = system.watch(ref)
    ref.tell(lambda actor: actor.defer_reply())
    assert "no ask in hand" in str(ended.get(timeout=DEADLINE))


def test_an_exit_signal_of_one_not_linked_is_nothing(system: ActorSystem) -> None:
    ref, other = system.spawn(Scripted), system.spawn(Scripted)
    ref.signal(ExitSignal(other, CRASH))
    assert ref.ask("alive") == "alive"


def test_the_end_of_an_actor_that_never_was_is_noproc(system: ActorSystem) -> None:
    assert end_of(system, system.ref("nobody")) == NOPROC
