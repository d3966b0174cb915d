"""What the tests of the runtime share: actors that do as they are told, and waiting with an end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from simulacra.actors.runtime import Actor, ActorSystem, Down, Exit, ExitReason, Ref

DEADLINE = 60.0
"""Seconds after which something that should happen has not."""

LONGEST_PAUSE = 0.01
"""Seconds between two looks whether it has."""


def is_long_run() -> bool:
    """Whether tests that try examples try many: SIMULACRA_LONG is set, as by `.ci/run`."""
    return bool(os.environ.get("SIMULACRA_LONG"))


def is_night() -> bool:
    """Whether what takes minutes is to run as well: SIMULACRA_NIGHT is set."""
    return "SIMULACRA_NIGHT" in os.environ


night = pytest.mark.skipif(not is_night(), reason="takes minutes: make night")
"""Marks what is too long for each change, or downloads much."""


def examples(few: int, *, many: int) -> int:
    """How many examples a test tries: few, many in a long run, or SIMULACRA_EXAMPLES of each."""
    return int(os.environ.get("SIMULACRA_EXAMPLES", many if is_long_run() else few))


def eventually(condition: Callable[[], object], within: float = DEADLINE) -> None:
    """Wait until ``condition()`` holds; fail when it does not ``within`` so many seconds."""
    deadline, pause = time.monotonic() + within, 0.001
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {within:g} s: {condition!r}")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)  # looking takes time from what is waited for


@contextmanager
def nothing_left_behind(*systems: ActorSystem) -> Iterator[None]:
    """Fail if a thread started meanwhile, or an actor or abandoned thread of a system, is left."""
    before = set(threading.enumerate())
    yield
    for system in systems:
        assert system.actors() == []
        eventually(lambda system=system: system.abandoned == 0)  # type: ignore[misc]
    eventually(lambda: not set(threading.enumerate()) - before)


class Scripted(Actor):
    """Calls the functions it is sent with itself as the argument, keeps everything else."""

    def __init__(self, *, trap_exit: bool = False) -> None:
        self.trap_exit = trap_exit
        self.seen: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.seen.append(message)
        return message


def seen(ref: Ref) -> list[Any]:
    """What a `Scripted` actor has kept, once it has handled what was sent before."""
    kept: list[Any] = ref.ask(lambda actor: list(actor.seen))
    return kept


def downs(ref: Ref) -> list[Down]:
    """The `Down` messages that a `Scripted` actor got."""
    return [message for message in seen(ref) if isinstance(message, Down)]


def exits(ref: Ref) -> list[Exit]:
    """The `Exit` messages that a `Scripted` actor got."""
    return [message for message in seen(ref) if isinstance(message, Exit)]


def end_of(system: ActorSystem, ref: Ref) -> ExitReason:
    """Wait until an actor ends, and say why it did."""
    reason: ExitReason = system.watch(ref).get(timeout=DEADLINE)
    return reason


class Gate:
    """Holds an actor busy: it reports that it is in, and waits until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _: object = None) -> str:
        self.entered.set()
        if not self.opened.wait(DEADLINE):
            raise TimeoutError("the gate was never opened")
        return "through"

    def wait_entered(self) -> None:
        assert self.entered.wait(DEADLINE)

    def open(self) -> None:
        self.opened.set()


@contextmanager
def busy(ref: Ref) -> Iterator[Gate]:
    """Keep a `Scripted` actor busy in user code for the length of a block."""
    gate = Gate()
    ref.tell(gate)
    gate.wait_entered()
    try:
        yield gate
    finally:
        gate.open()


@contextmanager
def no_thread(named: str) -> Iterator[None]:
    """The process has no thread left for what is named so."""
    start = threading.Thread.start

    def sometimes(thread: threading.Thread) -> None:
        if thread.name.startswith(named):
            raise RuntimeError("can't start new thread")
        start(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", sometimes)
        yield
