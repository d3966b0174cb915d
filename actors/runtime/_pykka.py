"""The one place that leans on pykka's private hooks.

A `Shell` is the pykka actor in which a cell lives: pykka gives it identity, the thread's name and
the shape of an actor; the inbox is a `Mailbox`, the loop the cell's. It is never entered in pykka's
global registry (each node has its own), its thread is a daemon (a thread that never returns from
user code must not hold up the process), and pykka's answer to SystemExit (stop every actor) is
never reached, because the cell catches everything.
"""

from __future__ import annotations

from typing import Any, Protocol

import pykka

from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.mailbox import Mailbox


class Loop(Protocol):
    """What a shell runs."""

    mailbox: Mailbox

    def run(self) -> None:
        """Live until the end; must not raise."""


class Shell(pykka.ThreadingActor):
    """A pykka actor whose whole life is a cell's loop."""

    use_daemon_thread = True

    def __init__(self, cell: Loop) -> None:
        self._cell = cell
        super().__init__()

    def start_thread(self) -> None:
        """Start the actor's thread."""
        self._start_actor_loop()

    def _create_actor_inbox(self) -> Any:  # type: ignore[override]  # pykka has a staticmethod here
        return self._cell.mailbox

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return Reply()

    def _actor_loop(self) -> None:
        self._cell.run()
        self.actor_stopped.set()
