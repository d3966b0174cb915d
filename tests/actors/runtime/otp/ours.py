"""Plays a scenario with the project's supervisor; the counterpart of replay.escript."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from simulacra.actors.runtime import (
    Actor,
    ActorDeadError,
    ActorExit,
    ActorSystem,
    AlreadyPresentError,
    AlreadyStartedError,
    ChildInfo,
    ChildNotFoundError,
    ChildRestartingError,
    ChildRunningError,
    ChildSpec,
    ExitReason,
    Flags,
    IgnoreStart,
    Ref,
    SimpleOneForOneError,
    SpecError,
    StartError,
    Supervisor,
    SupervisorHandle,
)
from tests.actors.runtime.otp.scenario import Probe, Scenario

DEADLINE = 60.0

_ERRORS: dict[type[Exception], str] = {
    AlreadyStartedError: "error: already_started",
    AlreadyPresentError: "error: already_present",
    ChildRunningError: "error: running",
    ChildRestartingError: "error: restarting",
    ChildNotFoundError: "error: not_found",
    SimpleOneForOneError: "error: simple_one_for_one",
    SpecError: "error: spec refused",
    StartError: "error: did not start",
    ActorDeadError: "no supervisor",
}

_REASONS = {
    "boom": ExitReason("boom"),
    "normal": ExitReason("normal"),
    "shutdown": ExitReason("shutdown"),
    ("shutdown", "why"): ExitReason("shutdown", "why"),
}


class Logbook:
    """What happened, how often each child was started, and who it is now."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.who: dict[str, Ref] = {}
        self.over = threading.Event()
        self._attempts: dict[str, int] = {}

    def attempt(self, child: Probe, label: str) -> str:
        """What the start of a child comes to, this time."""
        attempt = self._attempts[label] = self._attempts.get(label, 0) + 1
        outcome = child.plan[attempt - 1] if attempt <= len(child.plan) else child.later
        if attempt <= len(child.plan) or child.later == "ok":
            self.events.append(f"start {label}: {outcome}")
        return outcome

    def label(self, ref: Ref) -> str:
        """The label of a child that runs."""
        return next(label for label, who in self.who.items() if who == ref)


def obey_plan(log: Logbook, child: Probe, label: str) -> None:
    outcome = log.attempt(child, label)
    if outcome == "ignore":
        raise IgnoreStart
    if outcome == "error":
        raise RuntimeError("refused")


class Worker(Actor):
    def __init__(self, log: Logbook, child: Probe, label: str) -> None:
        obey_plan(log, child, label)
        self._log, self._child, self._label = log, child, label
        self._left = False
        log.who[label] = self.ref

    def on_receive(self, message: ExitReason) -> None:
        self._left = True
        raise ActorExit(message)

    def on_stop(self, reason: ExitReason) -> None:
        if self._left:
            return
        self._log.events.append(f"stop {self._label}: {reason.kind}")
        if self._child.stop == "badly":
            raise ActorExit(ExitReason("boom"))
        if self._child.stop == "stubborn":
            self._log.over.wait(DEADLINE)


class Nested(Supervisor):
    def __init__(self, log: Logbook, child: Probe, label: str) -> None:
        assert child.nested is not None
        obey_plan(log, child, label)
        flags, children = child.nested
        super().__init__(to_flags(flags), [to_spec(log, one) for one in children])
        log.who[label] = self.ref


def to_flags(flags: dict[str, Any]) -> Flags:
    return Flags(**flags)


def to_spec(log: Logbook, child: Probe, *, labelled: bool = True) -> ChildSpec:
    fields = dict(child.fields)
    kind = fields.pop("type", "worker")
    if type(fields.get("shutdown")) is int:
        fields["shutdown"] /= 1000
    if fields.get("shutdown") == "infinity":
        fields["shutdown"] = None
    args = (log, child, child.id) if labelled else (log, child)
    return ChildSpec(child.id, Nested if child.nested else Worker, args, kind=kind, **fields)


def play(scenario: Scenario) -> list[str]:
    """The events of a scenario, from the start of the supervisor to its end."""
    log = Logbook()
    with ActorSystem("ours") as system:
        try:
            _play(system, scenario, log)
        finally:
            log.over.set()
    return log.events


def _play(system: ActorSystem, scenario: Scenario, log: Logbook) -> None:
    try:
        flags = to_flags(scenario.flags)
        specs = [to_spec(log, child, labelled=not flags.is_simple) for child in scenario.children]
        ref = system.spawn(Supervisor, flags, specs)
    except SpecError:
        log.events.append("not up: refused")
        return
    except StartError as error:
        refused = isinstance(error.reason.exception, SpecError)
        log.events.append(f"not up: {'refused' if refused else error.reason.kind}")
        return
    log.events.append("up")
    ended = system.watch(ref)
    handle = SupervisorHandle(ref)
    for step in scenario.steps:
        name, *arguments = (step,) if isinstance(step, str) else step
        log.events.append(f"> {name}")
        try:
            STEPS[name](system, log, handle, *arguments)
        except tuple(_ERRORS) as error:
            log.events.append(_ERRORS[type(error)])
    for look in (which, count):
        try:
            log.events.append(look(handle))
        except ActorDeadError:
            log.events.append("no supervisor")
    log.events.append("down")
    ref.exit(ExitReason("shutdown"), timeout=DEADLINE)
    log.events.append(f"ended: {ended.get(timeout=DEADLINE).kind}")


# -- steps


def leave(system: ActorSystem, log: Logbook, label: str, reason: Any) -> None:
    ref = log.who.get(label)
    if ref is None:
        log.events.append("never was")
        return
    ended = system.watch(ref)
    if reason == "kill":
        ref.kill()
    else:
        ref.tell(_REASONS[reason])
    if ended.get(timeout=DEADLINE).kind == "noproc":
        log.events.append("was dead")


def step_leave(
    system: ActorSystem, log: Logbook, tree: SupervisorHandle, label: str, reason: Any
) -> None:
    leave(system, log, label, reason)
    settle(tree)


def step_leave_together(
    system: ActorSystem, log: Logbook, tree: SupervisorHandle, labels: list[str], reason: Any
) -> None:
    if tree.ref.is_alive():
        tree.ref.suspend()
        for label in labels:
            leave(system, log, label, reason)
        tree.ref.resume()
    settle(tree)


def step_spin(system: ActorSystem, log: Logbook, tree: SupervisorHandle, label: str) -> None:
    leave(system, log, label, "boom")
    until(lambda: any(child.state == "restarting" for child in tree.which_children()))


def step_start(_: ActorSystem, log: Logbook, tree: SupervisorHandle, child: Probe) -> None:
    started(log, tree.start_child(to_spec(log, child)))


def step_start_dynamic(_: ActorSystem, log: Logbook, tree: SupervisorHandle, label: str) -> None:
    started(log, tree.start_dynamic_child(label))


def step_terminate(_: ActorSystem, log: Logbook, tree: SupervisorHandle, key: str) -> None:
    tree.terminate_child(key)
    log.events.append("ok")


def step_terminate_dynamic(
    _: ActorSystem, log: Logbook, tree: SupervisorHandle, label: str
) -> None:
    if label not in log.who:
        log.events.append("never was")
        return
    tree.terminate_child(log.who[label])
    log.events.append("ok")


def step_terminate_stranger(system: ActorSystem, log: Logbook, tree: SupervisorHandle) -> None:
    stranger = system.spawn(Actor)
    try:
        tree.terminate_child(stranger)
    finally:
        stranger.stop()
    log.events.append("ok")


def step_restart(_: ActorSystem, log: Logbook, tree: SupervisorHandle, key: str) -> None:
    started(log, tree.restart_child(key))


def step_delete(_: ActorSystem, log: Logbook, tree: SupervisorHandle, key: str) -> None:
    tree.delete_child(key)
    log.events.append("ok")


def step_spec(_: ActorSystem, log: Logbook, tree: SupervisorHandle, key: str) -> None:
    spec = tree.get_childspec(key)
    shutdown: object = spec.shutdown
    if shutdown is None:
        shutdown = "infinity"
    elif isinstance(shutdown, int | float):
        shutdown = round(shutdown * 1000)
    text = f"{spec.restart} {shutdown} {spec.kind} {str(spec.significant).lower()}"
    log.events.append(text)


def step_which(_: ActorSystem, log: Logbook, tree: SupervisorHandle) -> None:
    log.events.append(which(tree))


def step_count(_: ActorSystem, log: Logbook, tree: SupervisorHandle) -> None:
    log.events.append(count(tree))


def step_wait(_: ActorSystem, __: Logbook, ___: SupervisorHandle, milliseconds: int) -> None:
    time.sleep(milliseconds / 1000)  # the passing of time is what is tested


STEPS: dict[str, Callable[..., None]] = {
    "leave": step_leave,
    "leave_together": step_leave_together,
    "spin": step_spin,
    "start": step_start,
    "start_dynamic": step_start_dynamic,
    "terminate": step_terminate,
    "terminate_dynamic": step_terminate_dynamic,
    "terminate_stranger": step_terminate_stranger,
    "restart": step_restart,
    "delete": step_delete,
    "spec": step_spec,
    "which": step_which,
    "count": step_count,
    "wait": step_wait,
}


# -- waiting


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.001)


def settle(tree: SupervisorHandle) -> None:
    """Wait until the supervisor has dealt with all deaths, or is dead itself."""

    def is_settled() -> bool:
        try:
            children = tree.which_children()
        except ActorDeadError:
            return True
        if any(is_busy(child) for child in children):
            return False
        nested = [child.ref for child in children if child.kind == "supervisor" and child.ref]
        for ref in nested:
            settle(SupervisorHandle(ref))
        return all(ref.is_alive() for ref in nested)

    until(is_settled)


def is_busy(child: ChildInfo) -> bool:
    if child.ref is None:
        return child.state == "restarting"
    return not child.ref.is_alive()


# -- answers as text


def started(log: Logbook, ref: Ref | None) -> None:
    log.events.append("ok: ignored" if ref is None else f"ok: {log.label(ref)}")


def which(tree: SupervisorHandle) -> str:
    children = tree.which_children()
    texts = [
        f" {'undefined' if child.id is None else child.id}={child.state}({child.kind})"
        for child in children
    ]
    if children and children[0].id is None:
        texts.sort()
    return "children:" + "".join(texts)


def count(tree: SupervisorHandle) -> str:
    counts = tree.count_children()
    return (
        f"specs {counts.specs} active {counts.active} "
        f"supervisors {counts.supervisors} workers {counts.workers}"
    )
