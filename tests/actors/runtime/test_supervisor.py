"""What the replay against OTP does not see: reasons, back-off, bad requests, being stuck."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from simulacra.actors.runtime import (
    Actor,
    ActorExit,
    ActorSystem,
    AlreadyPresentError,
    AlreadyStartedError,
    Backoff,
    ChildInfo,
    ChildNotFoundError,
    ChildSpec,
    ExitReason,
    Flags,
    IgnoreStart,
    Ref,
    SimpleOneForOneError,
    SpecError,
    StartError,
    Supervisor,
    SupervisorError,
    SupervisorHandle,
)
from simulacra.actors.runtime.supervision import StartDynamicChild, TerminateChild
from tests.support import DEADLINE, Gate, Scripted, eventually

Spawn = Callable[..., SupervisorHandle]


@pytest.fixture
def supervise(system: ActorSystem) -> Spawn:
    def supervise(flags: Flags | None = None, *specs: ChildSpec) -> SupervisorHandle:
        return SupervisorHandle(system.spawn(Supervisor, flags, specs))

    return supervise


class Fragile(Actor):
    """Ends with the reason it is sent."""

    def on_receive(self, message: ExitReason | Exception) -> None:
        raise ActorExit(message) if isinstance(message, ExitReason) else message


class Switch:
    """Lets starts fail as long as it is off."""

    def __init__(self) -> None:
        self.on = True
        self.starts = list[float]()


class Switched(Fragile):
    def __init__(self, switch: Switch) -> None:
        switch.starts.append(time.monotonic())
        if not switch.on:
            raise ConnectionError("switched off")


def fragile(name: str = "a", **fields: Any) -> ChildSpec:
    return ChildSpec(name, Fragile, **fields)


def child(tree: SupervisorHandle, name: object = "a") -> ChildInfo:
    return next(info for info in tree.which_children() if info.id == name)


def ref_of(tree: SupervisorHandle, name: object = "a") -> Ref:
    ref = child(tree, name).ref
    assert ref is not None
    return ref


def crash(system: ActorSystem, ref: Ref, message: object) -> None:
    """Send an actor its end; its supervisor has the news when this returns."""
    ended = system.watch(ref)
    ref.tell(message)
    ended.get(timeout=DEADLINE)


# -- reasons


def test_too_many_restarts_end_it_with_shutdown_because_of_the_first_reason(
    system: ActorSystem, supervise: Spawn
) -> None:
    tree = supervise(Flags(intensity=1), fragile())
    ended = system.watch(tree.ref)
    crash(system, ref_of(tree), ValueError("first"))
    crash(system, ref_of(tree), ValueError("second"))
    reason = ended.get(timeout=DEADLINE)
    assert reason.kind == "shutdown"
    assert reason.detail == "reached_max_restart_intensity: child 'a'"
    assert str(reason.first_cause) == "ValueError: first"


def test_the_first_cause_is_seen_at_the_top_of_the_tree(
    system: ActorSystem, supervise: Spawn
) -> None:
    inner = ChildSpec("inner", Supervisor, (Flags(intensity=0), [fragile()]), kind="supervisor")
    tree = supervise(Flags(intensity=0), inner)
    ended = system.watch(tree.ref)
    crash(system, ref_of(SupervisorHandle(ref_of(tree, "inner"))), OSError("disk gone"))
    assert str(ended.get(timeout=DEADLINE).first_cause) == "OSError: disk gone"


def test_which_children_tells_restarts_and_reasons(supervise: Spawn) -> None:
    tree = supervise(Flags(intensity=9), fragile(), fragile("b"))
    for number, word in enumerate(("one", "two", "three"), 1):
        ref_of(tree).tell(ExitReason(word))
        eventually(lambda number=number: child(tree).restarts == number)  # type: ignore[misc]
    info = child(tree)
    assert (info.first_reason, info.last_reason) == (ExitReason("one"), ExitReason("three"))
    assert (info.state, info.kind) == ("running", "worker")
    assert child(tree, "b").restarts == 0
    assert child(tree, "b").first_reason is None


def test_a_child_that_does_not_start_is_the_cause_of_the_supervisors_failure(
    system: ActorSystem,
) -> None:
    off = Switch()
    off.on = False
    with pytest.raises(StartError) as failed:
        system.spawn(Supervisor, Flags(), [fragile(), ChildSpec("b", Switched, (off,))])
    reason = failed.value.reason
    assert (reason.kind, reason.detail) == ("shutdown", "failed_to_start_child: 'b'")
    assert str(reason.first_cause) == "ConnectionError: switched off"
    assert system.actors() == []


def test_an_automatic_shutdown_says_because_of_whom(system: ActorSystem, supervise: Spawn) -> None:
    tree = supervise(
        Flags(auto_shutdown="any_significant"), fragile(restart="transient", significant=True)
    )
    ended = system.watch(tree.ref)
    crash(system, ref_of(tree), ExitReason("normal"))
    reason = ended.get(timeout=DEADLINE)
    assert (reason.kind, reason.detail) == ("shutdown", "auto_shutdown: child 'a'")
    assert reason.cause == ExitReason("normal")


# -- back-off


def test_back_off_waits_longer_each_time(supervise: Spawn) -> None:
    switch = Switch()
    flags = Flags(intensity=100, backoff=Backoff(0.02, 10.0, 2.0))
    tree = supervise(flags, ChildSpec("a", Switched, (switch,)))
    switch.on = False
    ref_of(tree).tell(ExitReason("boom"))
    eventually(lambda: len(switch.starts) >= 4)
    assert child(tree).state == "restarting"
    switch.on = True
    eventually(lambda: child(tree).state == "running")
    first, *gaps = [after - before for before, after in pairwise(switch.starts)]
    assert first >= 0.02
    assert gaps[0] >= 0.04
    assert gaps[1] >= 0.08


def test_siblings_end_before_the_wait(supervise: Spawn) -> None:
    tree = supervise(
        Flags("one_for_all", backoff=Backoff(60.0, 60.0)),
        fragile(),
        fragile("b"),
        fragile("c", restart="temporary"),
    )
    ref_of(tree, "b").tell(ExitReason("boom"))
    eventually(lambda: child(tree, "b").state == "restarting")
    assert [info.id for info in tree.which_children()] == ["a", "b"]
    assert child(tree, "a").state == "undefined"


def test_a_child_terminated_during_the_wait_is_not_restarted(supervise: Spawn) -> None:
    switch = Switch()
    tree = supervise(Flags(backoff=Backoff(0.03, 1.0)), ChildSpec("a", Switched, (switch,)))
    ref_of(tree).tell(ExitReason("boom"))
    eventually(lambda: child(tree).state == "restarting")
    tree.terminate_child("a")
    assert tree.restart_child("a") is not None
    ref_of(tree).tell(ExitReason("boom"))
    eventually(lambda: child(tree).state == "restarting")
    tree.terminate_child("a")
    began = time.monotonic()
    eventually(lambda: time.monotonic() - began > 0.1)  # well past both waits
    assert child(tree).state == "undefined"
    assert len(switch.starts) == 2


# -- requests


def test_a_bad_request_is_answered_and_ends_nothing(supervise: Spawn) -> None:
    tree = supervise(None, fragile())
    unhashable: Any = ["a"]
    not_a_spec: Any = "a"
    with pytest.raises(TypeError, match="unhashable"):
        tree.terminate_child(unhashable)
    with pytest.raises(SpecError):
        tree.start_child(not_a_spec)
    with pytest.raises(SupervisorError, match="does not take 'hello'"):
        tree.ref.ask("hello")
    assert child(tree).state == "running"


def test_a_request_that_is_told_is_logged_when_refused(
    supervise: Spawn, caplog: pytest.LogCaptureFixture
) -> None:
    tree = supervise()
    with caplog.at_level(logging.ERROR):
        tree.ref.tell(TerminateChild("nobody"))
        assert tree.which_children() == []
    assert "there is no child 'nobody'" in caplog.text


def test_each_strategy_refuses_the_calls_of_the_other(supervise: Spawn) -> None:
    static = supervise()
    with pytest.raises(SimpleOneForOneError, match="is one_for_one: start_child"):
        static.start_dynamic_child()
    dynamic = supervise(Flags("simple_one_for_one"), fragile())
    calls: list[Callable[[], object]] = [
        lambda: dynamic.start_child(fragile("b")),
        lambda: dynamic.restart_child("a"),
        lambda: dynamic.delete_child("a"),
        lambda: dynamic.terminate_child("a"),
    ]
    for call in calls:
        with pytest.raises(SimpleOneForOneError, match="is simple_one_for_one"):
            call()


def test_already_started_tells_which(supervise: Spawn) -> None:
    tree = supervise(None, fragile())
    with pytest.raises(AlreadyStartedError) as refused:
        tree.start_child(fragile())
    assert refused.value.ref == ref_of(tree)
    tree.terminate_child("a")
    with pytest.raises(AlreadyPresentError, match="restart it, or delete it first"):
        tree.start_child(fragile())


def test_a_child_that_fails_to_start_leaves_nothing(system: ActorSystem, supervise: Spawn) -> None:
    tree = supervise()
    off = Switch()
    off.on = False
    with pytest.raises(StartError, match="ConnectionError: switched off"):
        tree.start_child(ChildSpec("a", Switched, (off,)))
    assert tree.which_children() == []
    assert [cell.ref for cell in system.actors()] == [tree.ref]


def test_dynamic_children_get_their_own_arguments_again_when_restarted(supervise: Spawn) -> None:
    tree = supervise(Flags("simple_one_for_one", intensity=5), ChildSpec("t", Switched))
    switch = Switch()
    ref = tree.start_dynamic_child(switch)
    assert ref is not None
    ref.tell(ExitReason("boom"))
    eventually(lambda: len(switch.starts) == 2)
    (info,) = tree.which_children()
    assert info.ref not in (None, ref)
    assert info.restarts == 1


def test_what_a_temporary_child_was_given_is_not_kept(supervise: Spawn) -> None:
    tree = supervise()
    tree.start_child(ChildSpec("a", Switched, (Switch(),), restart="temporary"))
    assert tree.get_childspec("a").args == ()


def test_an_unknown_child_has_no_spec(supervise: Spawn) -> None:
    tree = supervise(None, fragile())
    assert tree.get_childspec("a") == fragile()
    with pytest.raises(ChildNotFoundError, match="which_children lists them"):
        tree.get_childspec("b")


def test_requests_results_and_errors_can_travel(system: ActorSystem, supervise: Spawn) -> None:
    tree = supervise(None, fragile())
    for thing in (
        StartDynamicChild((1,)),
        tree.which_children(),
        tree.count_children(),
        tree.get_childspec("a"),
    ):
        assert pickle.loads(pickle.dumps(thing)) == thing
    error = pickle.loads(pickle.dumps(AlreadyStartedError("it runs", tree.ref)))
    assert (str(error), error.ref) == ("it runs", tree.ref)


# -- life and death


def test_a_subclass_says_what_it_supervises(system: ActorSystem) -> None:
    class Pair(Supervisor):
        def __init__(self, *names: str) -> None:
            super().__init__(Flags("rest_for_one"), [fragile(name) for name in names])

    pair = SupervisorHandle(system.spawn(Pair, "x", "y", name="pair"))
    assert [info.id for info in pair.which_children()] == ["x", "y"]


def test_it_may_ask_not_to_be_started(system: ActorSystem, supervise: Spawn) -> None:
    class Unwanted(Supervisor):
        def __init__(self) -> None:
            raise IgnoreStart

    tree = supervise()
    assert tree.start_child(ChildSpec("s", Unwanted, kind="supervisor")) is None
    assert child(tree, "s").state == "undefined"
    with pytest.raises(IgnoreStart):
        system.spawn(Unwanted)


def test_a_child_that_unlinks_itself_is_still_ended(supervise: Spawn) -> None:
    tree = supervise(None, ChildSpec("a", Scripted))
    ref = ref_of(tree)
    ref.ask(lambda me: me.unlink(tree.ref))
    tree.terminate_child("a")
    assert not ref.is_alive()
    assert child(tree).state == "undefined"


def test_a_name_that_is_taken_fails_the_start(system: ActorSystem, supervise: Spawn) -> None:
    tree = supervise()
    system.spawn(Scripted, name="only")
    with pytest.raises(StartError, match="'only' is taken"):
        tree.start_child(ChildSpec("a", Scripted, kwargs={"name": "only"}))
    assert tree.which_children() == []


def test_a_named_child_has_its_name_again_after_a_restart(
    system: ActorSystem, supervise: Spawn
) -> None:
    tree = supervise(None, fragile(kwargs={"name": "only"}))
    before = ref_of(tree)
    crash(system, before, ExitReason("boom"))
    after = ref_of(tree)
    assert after != before
    assert system.whereis("only") == after


def test_bad_specs_fail_its_start(system: ActorSystem) -> None:
    with pytest.raises(StartError, match="id must be unique"):
        system.spawn(Supervisor, Flags(), [fragile(), fragile()])


def test_killed_it_takes_its_tree_with_it(system: ActorSystem, supervise: Spawn) -> None:
    inner = ChildSpec("inner", Supervisor, (Flags(), [fragile()]), kind="supervisor")
    tree = supervise(None, fragile(), inner)
    tree.ref.kill()
    eventually(lambda: system.actors() == [])


def test_stopped_it_ends_its_tree_first(system: ActorSystem, supervise: Spawn) -> None:
    inner = ChildSpec("inner", Supervisor, (Flags(), [fragile()]), kind="supervisor")
    tree = supervise(None, fragile(), inner)
    assert tree.ref.stop(timeout=DEADLINE)
    assert system.actors() == []


def test_an_exit_of_a_stranger_is_nothing_to_it(system: ActorSystem, supervise: Spawn) -> None:
    tree = supervise(None, fragile())
    stranger = system.spawn(Scripted)
    stranger.ask(lambda me: me.link(tree.ref))
    crash(system, stranger, lambda me: me.exit(ExitReason("boom")))
    assert child(tree).restarts == 0


def test_a_child_stuck_in_its_start_does_not_block_it_for_ever(supervise: Spawn) -> None:
    gate = Gate()

    class StuckInStart(Actor):
        def on_start(self) -> None:
            gate()

    tree = supervise(None, fragile())
    try:
        with pytest.raises(StartError, match="StuckInStart"):
            tree.start_child(ChildSpec("b", StuckInStart, start_timeout=0.05))
        assert [info.id for info in tree.which_children()] == ["a"]
    finally:
        gate.open()


def test_a_full_mailbox_does_not_lose_the_order_to_try_again(system: ActorSystem) -> None:
    switch = Switch()
    spec = ChildSpec("a", Switched, (switch,))
    tree = SupervisorHandle(system.spawn(Supervisor, Flags(intensity=10**6), [spec], bound=1))
    switch.on = False
    ref_of(tree).tell(ExitReason("boom"))
    eventually(lambda: len(switch.starts) > 20)
    switch.on = True
    eventually(lambda: child(tree).state == "running")


def test_many_dynamic_children_end_together(system: ActorSystem, supervise: Spawn) -> None:
    tree = supervise(Flags("simple_one_for_one"), ChildSpec("t", Scripted))
    for _ in range(300):
        tree.start_dynamic_child()
    assert tree.count_children().active == 300
    assert tree.ref.stop(timeout=DEADLINE)
    assert system.actors() == []
    assert system.dead_letters.count == 0
