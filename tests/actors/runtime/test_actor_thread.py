"""An actor's life in its own thread: how it starts, what it obeys, and how it ends."""

from __future__ import annotations

import pytest

from simulacra.actors.runtime import (
    ActorDeadError,
    ActorSystem,
    AskTimeoutError,
    ExitReason,
    StartError,
)
from simulacra.actors.runtime.errors import IgnoreStart
from simulacra.actors.runtime.reason import KILLED, NORMAL
from tests.actors.runtime.behaviours import CRASH, Starting, Stopping, cause, fail
from tests.support import (
    DEADLINE,
    Scripted,
    busy,
    eventually,
    seen,
)


def test_an_error_in_a_tell_ends_the_actor(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ended = system.watch(ref)
    ref.tell(fail)
    assert str(ended.get(timeout=DEADLINE)) == "ValueError: bad"


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


def test_an_error_of_the_runtimes_own_ends_the_actor_as_well(system: ActorSystem) -> None:
    ref = system.spawn(Scripted, bound=1)
    (cell,) = system.actors()
    ended = system.watch(ref)
    with busy(ref):
        ref.tell("full")
        assert cell.offer("parked", None, lambda: fail(None)) is False
    assert str(ended.get(timeout=DEADLINE)) == "ValueError: bad"


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


def test_a_kill_is_not_told_to_the_actors_code(system: ActorSystem) -> None:
    reasons: list[ExitReason] = []
    ref = system.spawn(Stopping, reasons.append)
    ref.kill()
    eventually(lambda: system.abandoned == 0)
    assert reasons == []


def test_a_kill_between_mailbox_and_handler_answers_the_ask(system: ActorSystem) -> None:
    for _ in range(100):
        ref = system.spawn(Scripted)
        asked = ref.ask("x", block=False)
        ref.kill()
        try:
            asked.get(timeout=DEADLINE)
        except ActorDeadError as error:
            assert error.reason == KILLED  # noqa: PT017 - either end is right


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
