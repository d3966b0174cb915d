from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.runtime import Actor, ActorSystem, ExitReason
from tests.support import DEADLINE, Scripted


def test_an_actor_without_a_handler_says_so(system: ActorSystem) -> None:
    with pytest.raises(NotImplementedError, match="Actor does not handle 'x'"):
        system.spawn(Actor).ask("x")


def test_the_callbacks_are_called_in_their_order(system: ActorSystem) -> None:
    calls: list[str] = []

    class Recorder(Actor):
        def __init__(self) -> None:
            calls.append("init")

        def on_start(self) -> None:
            calls.append("start")

        def on_receive(self, message: str) -> None:
            calls.append(message)

        def on_stop(self, reason: ExitReason) -> None:
            calls.append(str(reason))

    ref = system.spawn(Recorder)
    ref.ask("message")
    ref.stop()
    assert calls == ["init", "start", "message", "normal"]


def test_an_actor_knows_itself_and_its_system_while_it_is_made(system: ActorSystem) -> None:
    class Knowing(Actor):
        def __init__(self) -> None:
            self.known = (self.ref, self.system)

        def on_receive(self, _: object) -> object:
            return self.known

    ref = system.spawn(Knowing)
    assert ref.ask("who?") == (ref, system)


def test_trapping_exits_is_off_until_it_is_set(system: ActorSystem) -> None:
    def switch(actor: Scripted) -> list[bool]:
        states = [actor.trap_exit]
        actor.trap_exit = True
        return [*states, actor.trap_exit]

    assert system.spawn(Scripted).ask(switch) == [False, True]


@pytest.mark.parametrize(("link", "lives"), [(True, False), (False, True)])
def test_a_child_is_linked_unless_it_is_not_to_be(
    system: ActorSystem, link: bool, lives: bool
) -> None:
    parent = system.spawn(Scripted)
    child = parent.ask(lambda actor: actor.spawn(Scripted, link=link, name="child"))
    ended = system.watch(child)
    parent.exit(ExitReason("crash"))
    if not lives:
        ended.get(timeout=DEADLINE)
    assert (system.whereis("child") == child) is lives


def test_an_actor_that_exits_says_nothing_more(system: ActorSystem) -> None:
    ref = system.spawn(Scripted)
    ended = system.watch(ref)
    ref.tell(lambda actor: actor.exit())
    assert str(ended.get(timeout=DEADLINE)) == "normal"


class Tolerant(Actor):
    def on_receive(self, message: Any) -> Any:
        self.refuse(message)


def test_a_refused_message_ends_nobody(system: ActorSystem) -> None:
    ref = system.spawn(Tolerant)
    ref.tell("nonsense")
    with pytest.raises(NotImplementedError, match="does not handle 'nonsense'"):
        ref.ask("nonsense")
    assert ref.is_alive()
    assert system.dead_letters.count == 1
