"""What a supervisor does to its children is in its table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulacra.actors.runtime import ActorSystem, ChildSpec, IgnoreStart, Ref, StartError
from simulacra.actors.runtime.brood import Brood
from simulacra.actors.runtime.children import Child
from simulacra.actors.runtime.reason import SHUTDOWN, ExitReason
from tests.support import DEADLINE, Scripted, end_of


class Told(Scripted):
    """Does at its start what it is told, and tells of its end."""

    def __init__(self, at_start: Callable[[], object], at_end: Callable[[], object]) -> None:
        super().__init__()
        self.at_start, self.at_end = at_start, at_end

    def on_start(self) -> None:
        self.at_start()

    def on_stop(self, reason: ExitReason) -> None:
        assert reason == SHUTDOWN
        self.at_end()


def nothing() -> None: ...


def refuse() -> None:
    raise IgnoreStart


def fail() -> None:
    raise OSError("no disk")


def child(
    name: str,
    at_start: Callable[[], object] = nothing,
    at_end: Callable[[], object] = nothing,
    **fields: Any,
) -> Child:
    return Child(name, ChildSpec(name, Told, (at_start, at_end), **fields))


@pytest.fixture
def parent(system: ActorSystem) -> Ref:
    return system.spawn(Scripted, trap_exit=True)


def within(parent: Ref, action: Callable[[Brood], Any]) -> Any:
    return parent.ask(lambda me: action(Brood(me)), timeout=DEADLINE)


def states(brood: Brood) -> dict[object, str]:
    return {each.key: each.state for each in brood.children}


def test_who_asks_not_to_run_is_known_by_its_spec_if_it_is_kept(parent: Ref) -> None:
    def act(brood: Brood) -> None:
        assert brood.add(child("kept", refuse)) is None
        assert brood.add(child("temporary", refuse, restart="temporary")) is None
        assert states(brood) == {"kept": "undefined"}
        assert brood.start(brood.children.find("kept")) is None
        assert states(brood) == {"kept": "undefined"}

    within(parent, act)


def test_who_does_not_start_is_not_entered(parent: Ref) -> None:
    def act(brood: Brood) -> None:
        with pytest.raises(StartError, match="no disk"):
            brood.add(child("a", fail))
        assert states(brood) == {}

    within(parent, act)


def test_who_is_ended_is_undefined_or_forgotten_and_may_start_again(
    system: ActorSystem, parent: Ref
) -> None:
    def act(brood: Brood) -> list[Ref]:
        first, other = brood.add(child("a")), brood.add(child("b", restart="temporary"))
        assert first is not None
        assert other is not None
        assert brood.children.running_as(first) is brood.children.find("a")
        brood.end(brood.children.find("a"), brood.children.find("b"))
        assert states(brood) == {"a": "undefined"}
        assert brood.children.running_as(first) is None
        again = brood.start(brood.children.find("a"))
        assert again not in (None, first)
        assert states(brood) == {"a": "running"}
        brood.end_all(at_once=False)
        return [first, other]

    for ref in within(parent, act):
        assert end_of(system, ref).kind == "noproc"


@pytest.mark.parametrize("at_once", [False, True])
def test_the_last_started_ends_first_unless_all_do_at_once(parent: Ref, at_once: bool) -> None:
    ended: list[str] = []

    def act(brood: Brood) -> None:
        for name in "abc":
            brood.add(child(name, at_end=lambda name=name: ended.append(name)))  # type: ignore[misc]
        brood.end_all(at_once=at_once)
        assert set(states(brood).values()) == {"undefined"}

    within(parent, act)
    assert (sorted(ended) if at_once else ended[::-1]) == ["a", "b", "c"]
