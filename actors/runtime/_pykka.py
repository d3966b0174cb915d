"""The one place that leans on pykka's private hooks.

A `Shell` is the pykka actor in which a cell lives: pykka gives it its thread, the thread's name and
the shape of an actor; identity, inbox and loop are the cell's. It is never entered in pykka's
global registry (each node has its own), its thread is a daemon (a thread that never returns from
user code must not hold up the process), and pykka's answer to SystemExit (stop every actor) is
never reached, because the cell catches everything.

Nobody waits for Python's own event that the thread runs: whoever starts an actor waits until that
has started, so both would be two wakes.
"""

from __future__ import annotations

import threading
from itertools import count
from typing import Final, Protocol

import pykka

_numbers: Final = count()


def _wait_not() -> None: ...


class Loop(Protocol):
    """What a shell runs."""

    def run(self) -> None:
        """Live until the end; must not raise."""


class Shell(pykka.ThreadingActor):
    """A pykka actor whose whole life is a cell's loop."""

    use_daemon_thread = True

    def __init__(self, cell: Loop) -> None:
        # Not pykka's own: a tenth of a start went into a uuid, a ref and an event never looked at.
        self._cell = cell

    def start_thread(self) -> None:
        """Start the actor's thread, and do not wait for it."""
        self._start_actor_loop()

    def _start_actor_loop(self) -> None:
        thread = threading.Thread(
            target=self._actor_loop, name=f"Shell-{next(_numbers)}", daemon=True
        )
        thread._started.wait = _wait_not  # type: ignore[attr-defined]  # noqa: SLF001
        thread.start()

    def _actor_loop(self) -> None:
        self._cell.run()
