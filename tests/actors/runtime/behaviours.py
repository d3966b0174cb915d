"""Behaviours for tests that end, or fail, where they are told to."""

from __future__ import annotations

from collections.abc import Callable

from simulacra.actors.runtime import (
    Actor,
    ExitReason,
)
from tests.support import (
    Scripted,
)

CRASH = ExitReason("crash")


def cause(reason: ExitReason) -> Callable[[Actor], None]:
    return lambda actor: actor.exit(reason)


def fail(_: object) -> None:
    raise ValueError("bad")


class Starting(Actor):
    """Runs a function when it starts."""

    def __init__(self, start: Callable[[Starting], object]) -> None:
        self.start = start

    def on_start(self) -> None:
        self.start(self)


class Stopping(Scripted):
    """Runs a function when it ends."""

    def __init__(self, stop: Callable[[ExitReason], object]) -> None:
        super().__init__()
        self.stop = stop

    def on_stop(self, reason: ExitReason) -> None:
        self.stop(reason)
