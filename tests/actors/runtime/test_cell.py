from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from simulacra.actors.runtime import (
    ActorDeadError,
    ActorSystem,
    AskTimeoutError,
    Exit,
    ExitReason,
    Ref,
    StartError,
)
from simulacra.actors.runtime._pykka import Shell
from simulacra.actors.runtime.reason import KILLED, NORMAL
from tests.actors.runtime.behaviours import Starting, cause, fail
from tests.support import (
    DEADLINE,
    Gate,
    Scripted,
    busy,
    eventually,
    exits,
    seen,
)

# -- how it ends


def test_whoever_gets_an_actors_error_finds_it_dead_and_its_name_free(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        ref = system.spawn(Scripted, name="fragile")
        with caplog.at_level(logging.CRITICAL), pytest.raises(ValueError, match="bad"):
            ref.ask(fail)
        assert not ref.is_alive()
        assert system.registered() == []


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


def test_killing_the_dead_changes_nothing(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ended = system.watch(ref)
    ref.stop()
    eventually(lambda: system._cells == {} and ref._target.returned)  # type: ignore[attr-defined]
    ref.kill()
    assert system.abandoned == 0
    assert ended.get(timeout=0) == NORMAL


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
