"""What the worker of a computation says, brought to the part that it concerns.

Only the worker that runs now is heard. A descriptor in what an earlier one said is closed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from simulacra.actors.compute import messages as w
from simulacra.actors.compute.dossier import Dossier
from simulacra.actors.compute.mailroom import Mailroom
from simulacra.actors.compute.remote_files import RemoteFiles
from simulacra.actors.compute.running import Running
from simulacra.actors.compute.showing import Showing
from simulacra.actors.compute.task import Task
from simulacra.actors.compute.travelling import Travelling


class Hearing:
    """See the module.

    Args:
        dossier: what is known of the computation.
        files: reads files of other hosts.
        mail: its mail.
        showing: what it prints.
        running: its worker.
        travelling: its moves.
        changed: tells the table of computations that it is different now.
    """

    def __init__(
        self,
        dossier: Dossier,
        files: RemoteFiles,
        mail: Mailroom,
        showing: Showing,
        running: Running,
        travelling: Travelling,
        changed: Callable[[], None],
    ) -> None:
        self._dossier = dossier
        self._files = files
        self._mail = mail
        self._showing = showing
        self._running = running
        self._travelling = travelling
        self._changed = changed

    def heard(self, run: int, message: w.ToNode) -> None:  # noqa: C901 - a table of messages
        """The worker of a certain run said something."""
        if run != self._running.run:
            _close_descriptor(message)
            return
        match message:
            case w.Send() | w.Ask() | w.Reply() | w.Taken():
                self._mail.heard(message)
            case w.Checkpoint():
                self._save(message)
            case w.Frozen():
                self._travelling.frozen(message)
            case w.NotFrozen(why, freezing=True, ticket=ticket):
                self._travelling.not_frozen(why, ticket)
            case w.NotFrozen(why):
                self._showing.note(f"no checkpoint could be made: {why}")
            case w.Request():
                if self._running.task is not None:
                    self._files.serve(message, partial(_answer, self._running.task))
            case w.Read(path, size, files):
                self._dossier.reading.read(path, size, files)
            case w.Progress(name, done, total):
                self._dossier.progress = (name, done, total)
                self._dossier.reading.progressed(name, done, total)
            case w.Ready():
                self._changed()
            case w.Result():
                self._dossier.result = message

    def _save(self, checkpoint: w.Checkpoint) -> None:
        try:
            self._running.save(checkpoint)
        except OSError as error:
            self._showing.note(f"a checkpoint is not kept, the one before still is: {error}")


def _answer(task: Task, answer: w.Answer) -> None:
    """In whatever thread: the worker that wanted it gets the answer, and no later one."""
    task.send(answer)


def _close_descriptor(message: w.ToNode) -> None:
    if isinstance(message, w.Frozen | w.Checkpoint) and message.fd is not None:
        os.close(message.fd)
