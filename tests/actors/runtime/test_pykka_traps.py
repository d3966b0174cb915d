"""The known traps of pykka 4, each by name: what happens there, and what happens here instead."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pykka
import pytest

from simulacra.actors.runtime import (
    Actor,
    ActorDeadError,
    ActorSystem,
    RemoteError,
    StartError,
)
from simulacra.actors.runtime.futures import Reply
from tests.support import DEADLINE, Scripted, busy, end_of, eventually, seen


def test_init_runs_in_the_actors_own_thread(system: ActorSystem) -> None:
    class Where(Actor):
        def __init__(self) -> None:
            self.made_in = threading.current_thread()

        def on_receive(self, _: Any) -> bool:
            return self.made_in is threading.current_thread()

    assert system.spawn(Where).ask("same?") is True


def test_a_failure_in_on_start_is_not_skipped_but_reported_to_whoever_starts(
    system: ActorSystem,
) -> None:
    class Broken(Actor):
        def on_start(self) -> None:
            raise ValueError("no disk")

    with pytest.raises(StartError, match=r"Broken did not start: ValueError: no disk") as caught:
        system.spawn(Broken, name="broken")
    assert isinstance(caught.value.__cause__, ValueError)
    assert system.registered() == []


@pytest.mark.parametrize("end", [lambda ref: ref.stop(block=False), lambda ref: ref.kill()])
def test_an_ask_racing_a_stop_always_resolves(
    system: ActorSystem, end: Callable[[Any], object]
) -> None:
    for _ in range(50):
        ref = system.spawn(Scripted)
        replies: list[Reply] = []

        def ask(ref: Any = ref, replies: list[Reply] = replies) -> None:
            replies.extend(ref.ask("x", block=False) for _ in range(20))

        asker = threading.Thread(target=ask)
        asker.start()
        end(ref)
        asker.join(DEADLINE)
        for reply in replies:
            try:
                assert reply.get(timeout=DEADLINE) == "x"
            except ActorDeadError:
                continue


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_stop_and_kill_do_not_queue_behind_mail(system: ActorSystem, end: str) -> None:
    handled: list[int] = []
    ref = system.spawn(Scripted)
    ended = system.watch(ref)
    with busy(ref):
        for n in range(100):
            ref.tell(lambda _, n=n: handled.append(n))
        ref.kill() if end == "kill" else ref.stop(block=False)
    ended.get(timeout=DEADLINE)
    eventually(lambda: system.abandoned == 0)
    assert handled == []


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("how", ["tell", "ask", "start"])
def test_system_exit_ends_one_actor_and_leaves_no_asker_waiting(
    system: ActorSystem, how: str, error: BaseException
) -> None:
    def fail(_: object) -> None:
        raise error

    class Failing(Actor):
        def on_start(self) -> None:
            raise error

    name = type(error).__name__
    bystander, ref = system.spawn(Scripted), system.spawn(Scripted)
    ended = system.watch(ref)
    if how == "tell":
        ref.tell(fail)
    elif how == "ask":
        with pytest.raises(RemoteError, match=name):
            ref.ask(fail)
    else:
        ref.stop()
        with pytest.raises(StartError, match=name):
            system.spawn(Failing)
    reason = ended.get(timeout=DEADLINE)
    assert how == "start" or reason.error[0] == name
    assert bystander.ask("alive") == "alive"


def test_system_exit_in_on_stop_ends_one_actor(system: ActorSystem) -> None:
    class Rude(Actor):
        def on_stop(self, _: object) -> None:
            raise SystemExit(3)

    bystander, ref = system.spawn(Scripted), system.spawn(Rude)
    ended = system.watch(ref)
    assert ref.stop() is True
    assert ended.get(timeout=0).error[0] == "SystemExit"
    assert bystander.is_alive()


def test_actors_are_in_no_global_registry(system: ActorSystem) -> None:
    system.spawn(Scripted)
    assert pykka.ActorRegistry.get_all() == []


def test_pykkas_stop_all_does_not_reach_them(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    pykka.ActorRegistry.stop_all(timeout=1)
    assert ref.ask("alive") == "alive"


def test_a_look_up_does_not_search(system: ActorSystem) -> None:
    refs = [system.spawn(Scripted) for _ in range(5)]
    assert [system._cells[ref.address[2]].ref for ref in refs] == refs  # type: ignore[index]


def test_a_busy_actor_that_is_killed_is_cut_off_and_counted_until_it_returns(
    system: ActorSystem,
) -> None:
    ref = system.spawn(Scripted, name="busy")
    with busy(ref):
        asked = ref.ask("waiting", block=False)
        ref.kill()
        with pytest.raises(ActorDeadError, match="killed"):
            asked.get(timeout=0)
        assert not ref.is_alive()
        assert end_of(system, ref).kind == "noproc"
        assert system.abandoned == 1
        assert system.whereis("busy") is None
        successor = system.spawn(Scripted, name="busy")
        assert successor.ask("x") == "x"
    eventually(lambda: system.abandoned == 0)
    assert seen(successor) == ["x"]
