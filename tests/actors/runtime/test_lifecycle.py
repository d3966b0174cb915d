from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from simulacra.actors.runtime import (
    BRUTAL_KILL,
    Actor,
    ActorExit,
    ActorSystem,
    ChildSpec,
    ExitReason,
    IgnoreStart,
    Ref,
    StartError,
)
from simulacra.actors.runtime.children import Child
from simulacra.actors.runtime.lifecycle import end_children, start_child
from tests.support import DEADLINE, Gate, Scripted


def within(parent: Ref, action: Callable[[Any], Any]) -> Any:
    """What an action comes to in the thread of a parent that traps exits."""
    return parent.ask(action, timeout=DEADLINE)


@pytest.fixture
def parent(system: ActorSystem) -> Ref:
    return system.spawn(Scripted, trap_exit=True)


def started(parent: Ref, actor: type[Actor], **fields: Any) -> Child:
    child = Child("a", ChildSpec("a", actor, **fields))
    child.ref = within(parent, lambda me: start_child(me, child))
    return child


class Fails(Actor):
    def on_start(self) -> None:
        raise OSError("no disk")


class Ignores(Actor):
    def on_start(self) -> None:
        raise IgnoreStart


class Stuck(Actor):
    """Stays in its end until it is let go."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def on_stop(self, reason: ExitReason) -> None:
        self.gate()


class StuckInStart(Actor):
    def __init__(self, gate: Gate) -> None:
        gate()


class Rude(Actor):
    def on_stop(self, reason: ExitReason) -> None:
        raise ActorExit(ExitReason("rude"))


def test_a_child_gets_its_arguments_and_its_options(system: ActorSystem, parent: Ref) -> None:
    child = Child(None, ChildSpec("a", Scripted, (), {"trap_exit": True, "name": "child"}))
    ref = within(parent, lambda me: start_child(me, child))
    assert system.whereis("child") == ref
    assert ref.ask(lambda me: me.trap_exit) is True


def test_a_failed_start_is_a_start_error(system: ActorSystem, parent: Ref) -> None:
    caught: list[StartError] = []

    def attempt(me: Actor) -> None:
        for spec in (ChildSpec("a", Fails), ChildSpec("b", Scripted, kwargs={"name": "taken"})):
            try:
                start_child(me, Child(spec.id, spec))
            except StartError as error:
                caught.append(error)

    system.register("taken", parent)
    within(parent, attempt)
    assert [error.reason.error[0] for error in caught if error.reason.error] == [
        "OSError",
        "simulacra.actors.runtime.errors.NameTakenError",
    ]
    assert len(system.actors()) == 1


def test_a_class_that_is_not_there_is_a_start_error(parent: Ref) -> None:
    child = Child("a", ChildSpec("a", "simulacra.nowhere:Worker"))

    def attempt(me: Actor) -> str:
        with pytest.raises(StartError, match="child 'a' did not start: No module named"):
            start_child(me, child)
        return "refused"

    assert within(parent, attempt) == "refused"


def test_a_child_may_ask_not_to_be_started(system: ActorSystem, parent: Ref) -> None:
    assert started(parent, Ignores).ref is None
    assert len(system.actors()) == 1


def test_a_start_that_takes_too_long_has_failed(system: ActorSystem, parent: Ref) -> None:
    gate = Gate()
    child = Child("a", ChildSpec("a", StuckInStart, (gate,), start_timeout=0.05))

    def attempt(me: Actor) -> str:
        with pytest.raises(StartError, match="StuckInStart did not start"):
            start_child(me, child)
        return "refused"

    try:
        assert within(parent, attempt) == "refused"
        assert len(system.actors()) == 1
    finally:
        gate.open()


def test_an_obedient_child_ends_with_shutdown(system: ActorSystem, parent: Ref) -> None:
    child = started(parent, Scripted)
    assert child.ref is not None
    ended = system.watch(child.ref)
    within(parent, lambda me: end_children(me, [child]))
    assert ended.get(timeout=DEADLINE) == ExitReason("shutdown")
    assert within(parent, lambda me: me.seen) == []  # no Exit as well


def test_a_stuck_child_is_killed_after_its_time(
    system: ActorSystem, parent: Ref, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    child = started(parent, Stuck, args=(gate,), shutdown=0.05)
    assert child.ref is not None
    ended = system.watch(child.ref)
    try:
        with caplog.at_level(logging.WARNING):
            within(parent, lambda me: end_children(me, [child]))
        assert ended.get(timeout=DEADLINE).kind == "killed"
        assert "did not end in 0.05 s: killed" in caplog.text
        assert system.abandoned == 1
    finally:
        gate.open()


def test_a_brutal_kill_tells_the_child_nothing(system: ActorSystem, parent: Ref) -> None:
    told = threading.Event()

    class Told(Actor):
        def on_stop(self, reason: ExitReason) -> None:
            told.set()

    child = started(parent, Told, shutdown=BRUTAL_KILL)
    assert child.ref is not None
    ended = system.watch(child.ref)
    within(parent, lambda me: end_children(me, [child]))
    assert ended.get(timeout=DEADLINE).kind == "killed"
    assert not told.is_set()


def test_children_end_at_the_same_time(system: ActorSystem, parent: Ref) -> None:
    gates = [Gate() for _ in range(20)]
    children = [started(parent, Stuck, args=(gate,), shutdown=0.25) for gate in gates]
    try:
        began = time.monotonic()
        within(parent, lambda me: end_children(me, children))
        assert time.monotonic() - began < 5  # all the waits, one after the other
        assert not any(child.ref.is_alive() for child in children if child.ref)
    finally:
        for gate in gates:
            gate.open()


def test_an_unexpected_end_is_logged(parent: Ref, caplog: pytest.LogCaptureFixture) -> None:
    child = started(parent, Rude)
    with caplog.at_level(logging.WARNING):
        within(parent, lambda me: end_children(me, [child]))
    assert "ended badly: rude" in caplog.text


def test_an_exit_that_already_waits_is_taken_out(system: ActorSystem, parent: Ref) -> None:
    child = started(parent, Scripted)
    assert child.ref is not None
    ref = child.ref

    def end_the_dead(me: Actor) -> None:
        ref.kill()
        end_children(me, [child])

    within(parent, end_the_dead)
    assert within(parent, lambda me: me.seen) == []
