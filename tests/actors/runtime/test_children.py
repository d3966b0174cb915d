from __future__ import annotations

import pytest

from simulacra.actors.runtime import (
    Actor,
    ActorSystem,
    AlreadyPresentError,
    AlreadyStartedError,
    ChildCounts,
    ChildNotFoundError,
    ChildRestartingError,
    ChildRunningError,
    ChildSpec,
    ExitReason,
)
from simulacra.actors.runtime.children import Child, Children


def entered(children: Children, name: str, **fields: object) -> Child:
    child = Child(name, ChildSpec(name, Actor, **fields))  # type: ignore[arg-type]
    children.add(child)
    return child


def test_the_order_is_that_of_entering_whatever_happens_later(system: ActorSystem) -> None:
    children = Children()
    first, *_ = (entered(children, name) for name in "abc")
    children.set_running(first, system.spawn(Actor))
    children.set_state(first, "restarting")
    assert [child.key for child in children] == ["a", "b", "c"]


def test_a_running_child_is_found_by_its_ref_until_it_runs_no_more(system: ActorSystem) -> None:
    children = Children()
    child, ref = entered(children, "a"), system.spawn(Actor)
    children.set_running(child, ref)
    assert children.running_as(ref) is child
    children.set_state(child, "restarting")
    assert children.running_as(ref) is None
    assert child.ref is None


def test_a_dynamic_child_is_found_by_the_ref_under_which_it_last_ran(system: ActorSystem) -> None:
    children, first, second = Children(), system.spawn(Actor), system.spawn(Actor)
    child = Child(first, ChildSpec("t", Actor), dynamic=True, ref=first, state="running")
    children.add(child)
    children.set_state(child, "restarting")
    assert children.get(first) is child
    children.set_running(child, second)
    assert (children.get(first), children.get(second)) == (None, child)
    assert child.info().id is None


def test_what_is_kept_of_a_child_that_ended_for_good() -> None:
    children = Children()
    kept, temporary = entered(children, "a"), entered(children, "b", restart="temporary")
    dynamic = Child("c", ChildSpec("t", Actor), dynamic=True)
    children.add(dynamic)
    for child in (kept, temporary, dynamic):
        children.retire(child)
    assert [child.key for child in children] == ["a"]
    assert kept.state == "undefined"


def test_the_refusals(system: ActorSystem) -> None:
    children = Children()
    running, restarting = entered(children, "run"), entered(children, "again")
    entered(children, "idle")
    ref = system.spawn(Actor)
    children.set_running(running, ref)
    children.set_state(restarting, "restarting")

    with pytest.raises(ChildNotFoundError, match="there is no child 'x'"):
        children.find("x")
    with pytest.raises(ChildRunningError, match="terminate it first"):
        children.find_idle("run")
    with pytest.raises(ChildRestartingError):
        children.find_idle("again")
    assert children.find_idle("idle").key == "idle"
    with pytest.raises(AlreadyStartedError, match="already runs as") as started:
        children.check_absent("run")
    assert started.value.ref == ref
    with pytest.raises(AlreadyPresentError):
        children.check_absent("again")
    children.check_absent("x")


def test_counting(system: ActorSystem) -> None:
    children = Children()
    for name, kind in (("a", "worker"), ("b", "worker"), ("c", "supervisor")):
        children.set_running(entered(children, name, kind=kind), system.spawn(Actor))
    entered(children, "d")
    first = children.find("a")
    assert first.ref is not None
    first.ref.stop()
    assert children.count() == ChildCounts(specs=4, active=2, supervisors=1, workers=3)


def test_the_first_reason_stays_and_frames_are_let_go() -> None:
    child = Child("a", ChildSpec("a", Actor))
    child.note_end(ExitReason.of_error(ValueError("first")))
    child.note_end(ExitReason("second"))
    info = child.info()
    assert info.first_reason is not None
    assert str(info.first_reason) == "ValueError: first"
    assert info.first_reason.exception is None
    assert info.last_reason == ExitReason("second")
