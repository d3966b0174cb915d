"""A worker that is started before it is needed: while a computation's state is still on its way.

Its callbacks carry the number under which the computation will know it, so nothing has to be
handed over when it is taken. One that has ended meanwhile is not given out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from simulacra.actors.compute import messages as w
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.process import WorkerProcess, wants_terminal
from simulacra.actors.compute.spec import Command, Spec
from simulacra.actors.runtime import ExitReason

logger = logging.getLogger(__name__)


class Spare:
    """At most one worker that waits to begin; used by one thread.

    Args:
        on_message: called with the number of a worker and what it says, in the worker's thread.
        on_exit: called with the number of a worker and its exit reason, in the worker's thread.
    """

    def __init__(
        self,
        on_message: Callable[[int, w.ToNode], None],
        on_exit: Callable[[int, ExitReason], None],
    ) -> None:
        self._on_message = on_message
        self._on_exit = on_exit
        self._waiting: tuple[int, WorkerProcess, threading.Event] | None = None

    def start(self, number: int, folder: Path, log: OutputLog) -> None:
        """Start a worker in place of the one that waits, if any.

        That it cannot be started is no error yet: it will be when it is needed.
        """
        self.drop()
        ended = threading.Event()

        def end(reason: ExitReason) -> None:
            ended.set()  # before the word: who has heard that never takes the worker
            self._on_exit(number, reason)

        try:
            worker = WorkerProcess(
                folder=folder,
                log=log,
                on_message=lambda message: self._on_message(number, message),
                on_exit=end,
            )
        except OSError as error:
            logger.warning("no worker could be started ahead of its time: %s", error)
        else:
            self._waiting = number, worker, ended

    def coming(self, size: int) -> None:
        """Tell the worker that waits, if any, how many bytes its snapshot has."""
        if self._waiting is not None:
            self._waiting[1].send(w.Coming(size))

    def take(self, spec: Spec) -> tuple[int, WorkerProcess] | None:
        """The worker that waits, with its number; from then on it is the caller's.

        None, and no worker waits any more, where the spec is for a command or wants a terminal.
        """
        if isinstance(spec.what, Command) or wants_terminal(spec):
            self.drop()
        if self._waiting is None:
            return None
        (number, worker, ended), self._waiting = self._waiting, None
        return None if ended.is_set() else (number, worker)

    def drop(self, wait: float = 0.0) -> None:
        """End the worker that waits, and give it ``wait`` seconds to be gone."""
        if self._waiting is not None:
            (_, worker, _), self._waiting = self._waiting, None
            worker.kill()
            worker.join(wait)
