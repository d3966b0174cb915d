"""What comes after a worker: another one, or the end of the computation, kept and told.

`Restarts` decides which. An end is written to disk before anybody hears of it; then its name is
free, and whoever waited for the end is answered. One that is frozen is not ended here: if it has
left it is stopped where it went, and if it stays, when it resumes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from simulacra.actors.compute.computing import Described
from simulacra.actors.compute.dossier import Dossier
from simulacra.actors.compute.mailroom import Mailroom
from simulacra.actors.compute.process import MOVED
from simulacra.actors.compute.restarting import Again, Over
from simulacra.actors.compute.running import Running
from simulacra.actors.compute.showing import Showing
from simulacra.actors.compute.store import Kept
from simulacra.actors.compute.travelling import Travelling
from simulacra.actors.runtime import ExitReason
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.reason import NORMAL, SHUTDOWN

logger = logging.getLogger(__name__)


class Ending:
    """See the module.

    Args:
        dossier: what is known of the computation.
        kept: its folder.
        mail: its mail.
        showing: what it prints.
        running: its worker.
        travelling: its moves.
        describe: gives it as it is now.
        changed: tells the table of computations that it is different now.
        start_later: starts its worker again after so many seconds.
    """

    def __init__(
        self,
        dossier: Dossier,
        kept: Kept,
        mail: Mailroom,
        showing: Showing,
        running: Running,
        travelling: Travelling,
        describe: Callable[[], Described],
        changed: Callable[[], None],
        start_later: Callable[[float], object],
    ) -> None:
        self._dossier = dossier
        self._kept = kept
        self._mail = mail
        self._showing = showing
        self._running = running
        self._travelling = travelling
        self._describe = describe
        self._changed = changed
        self._start_later = start_later
        self._awaiting: list[Reply] = []  # answered within a second, whatever comes
        self._stoppers: list[Reply] = []

    # -- after a worker

    def worker_ended(self, reason: ExitReason) -> None:
        """The worker is gone: start it again, or end."""
        self._running.task = None
        if self._dossier.frozen or reason == MOVED:
            return  # what travels was handed out before
        if self._dossier.stopping:
            self.finish("stopped", SHUTDOWN)
            return
        match self._dossier.restarts.ended(reason, time.monotonic()):
            case Over(cause, why):
                if why is not None:
                    self._showing.note(why)
                self.finish("done" if cause == NORMAL else "failed", cause)
            case Again() as again:
                self._start_again(again)

    def _start_again(self, again: Again) -> None:
        self._travelling.protocol.freeze_failed("its worker was lost, and is started again")
        if again.anew:
            self._kept.remove_checkpoints()
        self._dossier.reason, self._dossier.state = self._dossier.restarts.first_reason, "starting"
        self._showing.note(again.why)
        self._start_later(again.delay)
        self._changed()

    def stop(self, reply: Reply, *, kill: bool) -> None:
        """Somebody wants it to end; the reply is answered when it has."""
        if self._dossier.is_over:
            reply.set(self._describe())
            return
        self._stoppers.append(reply)
        self._dossier.stopping = True
        if not self._dossier.frozen:
            self.end_now(kill=kill)

    def end_now(self, *, kill: bool) -> None:
        """End the worker, and with it the computation; at once where none runs."""
        if self._running.task is None:
            self.finish("stopped", SHUTDOWN)
        else:
            self._running.end(kill=kill)

    # -- the end

    def finish(self, state: str, reason: ExitReason) -> None:
        """It has ended: keep that, and tell it."""
        self._running.task = None
        self._dossier.end(state, reason)
        logger.info("has ended, %s: %s", state, reason)
        try:
            self._kept.write_result({**self._dossier.outcome(), "mail": self._mail.snapshot()})
        except OSError as error:
            logger.exception("the result of %s is not on disk", self._dossier.party)
            self._showing.note(f"its end is not on disk, and is forgotten with the node: {error}")
        else:
            self._kept.remove_snapshots()
        self._travelling.protocol.ended()
        self._mail.end(str(reason))
        self.answer_all()

    def await_end(self, reply: Reply) -> None:
        """Answer somebody when it has ended or left, or when `answer_awaiting` is called."""
        if self._dossier.is_over:
            reply.set(self._describe())
        else:
            self._awaiting.append(reply)

    def answer_awaiting(self) -> None:
        """Whoever waits for its end hears how it is now, and may ask again."""
        waiting, self._awaiting = self._awaiting, []
        for reply in waiting:
            reply.set(self._describe())

    def answer_all(self) -> None:
        """Whoever waits for its end, or for it to leave, hears of it."""
        described = self._describe()
        waiting, self._awaiting, self._stoppers = [*self._awaiting, *self._stoppers], [], []
        for reply in waiting:
            reply.set(described)
        self._showing.answer()
        self._changed()
