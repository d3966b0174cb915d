"""The worker of one computation on one host: from which snapshot it starts, and what it saves.

A worker begins from the newest checkpoint of the present epoch; where there is none, from what
arrived in this epoch; where nothing arrived, from its beginning. A new checkpoint makes what
arrived superfluous once no checkpoint of before the move is left.

Each worker has a number of its own, its *run*: what an earlier one still says is not heard.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from simulacra.actors.compute import messages as w
from simulacra.actors.compute.computing import Type
from simulacra.actors.compute.dossier import Dossier
from simulacra.actors.compute.mailroom import Mailroom
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.process import WorkerProcess
from simulacra.actors.compute.spare import Spare
from simulacra.actors.compute.spec import Command, Spec
from simulacra.actors.compute.store import CHECKPOINTS_KEPT, Kept
from simulacra.actors.compute.task import CommandTask, Task, start_task
from simulacra.actors.runtime import ExitReason


class Running:
    """See the module.

    Args:
        dossier: what is known of the computation.
        kept: its folder.
        mail: its mail.
        log: where it prints.
        on_message: called with the run and each message of a worker, in whatever thread.
        on_exit: called with the run and why its worker ended, in whatever thread.

    Attributes:
        task: the worker that runs now, if any.
        run: its number.
    """

    def __init__(
        self,
        dossier: Dossier,
        kept: Kept,
        mail: Mailroom,
        log: OutputLog,
        on_message: Callable[[int, w.ToNode], None],
        on_exit: Callable[[int, ExitReason], None],
    ) -> None:
        self._dossier = dossier
        self._kept = kept
        self._mail = mail
        self._log = log
        self._on_message = on_message
        self._on_exit = on_exit
        self._runs = count(1)
        self._spare = Spare(on_message, on_exit)
        self._arrived_with: dict[str, Any] | None = None
        self._kept_here = 0
        self.task: Task | None = None
        self.run = 0

    @property
    def pid(self) -> int | None:
        """The process of the worker, where one runs."""
        return self.task.pid if self.task is not None else None

    # -- beginning

    def expect(self) -> None:
        """Start a worker now, that waits for the state."""
        self._spare.start(next(self._runs), self._kept.work, self._log)

    def coming(self, size: int) -> None:
        """The state is on its way, so many bytes: the worker that waits makes room for it."""
        self._spare.coming(size)

    def expect_no_more(self) -> None:
        """End the worker that waits."""
        self._spare.drop()

    def come(self, epoch: int, snapshot: dict[str, Any] | None) -> None:
        """It belongs here in an epoch, and came with this snapshot."""
        self._dossier.epoch, self._arrived_with, self._kept_here = epoch, snapshot, 0

    def begin(self) -> None:
        """Start a worker from the newest snapshot, with the mail of that moment.

        Raises:
            OSError: it cannot be started.
        """
        spec = self._dossier.spec
        if spec is None:
            raise RuntimeError(f"{self._dossier.party} has no spec in {self._kept.folder}")
        descriptor, about = self._newest()
        try:
            self._mail.open(self._dossier.epoch, about["mail"])
            self.task = self._begin_task(spec, descriptor)
        finally:
            if descriptor is not None:
                os.close(descriptor)
        self._dossier.began()
        self._mail.pump()

    def _begin_task(self, spec: Spec, snapshot: int | None) -> Task:
        name, host = self._dossier.name, self._dossier.host
        spare = self._spare.take(spec)
        if spare is not None:
            self.run, worker = spare
            worker.begin(spec, name=name, host=host, snapshot=snapshot)
            return worker
        self.run = next(self._runs)
        return start_task(
            spec,
            name=name,
            host=host,
            folder=self._folder(spec),
            log=self._log,
            snapshot=snapshot,
            on_message=partial(self._on_message, self.run),
            on_exit=partial(self._on_exit, self.run),
        )

    def _folder(self, spec: Spec) -> Path:
        """Where it works: a command where it was typed, if there is such a folder here."""
        wanted = self._kept.read_records().get("folder")
        if isinstance(spec.what, Command) and wanted is not None and Path(wanted).is_dir():
            return Path(wanted)
        return self._kept.work

    def _newest(self) -> tuple[int | None, dict[str, Any]]:
        checkpoint = self._kept.open_checkpoint()
        if checkpoint is not None:
            if checkpoint[1]["epoch"] == self._dossier.epoch:
                return checkpoint
            os.close(checkpoint[0])
        if self._arrived_with is None:
            return None, {"mail": None}
        if not self._arrived_with["size"]:
            return None, self._arrived_with
        path = self._kept.arrival(self._dossier.epoch)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC), self._arrived_with

    # -- while it runs

    def send(self, message: w.ToWorker) -> bool:
        """Send the worker a message; False if none runs, or it cannot take it now."""
        return self.task is not None and self.task.send(message)

    def type(self, message: Type) -> None:
        """Type into its terminal, if it has one."""
        match self.task:
            case CommandTask(process=process):
                pass
            case WorkerProcess() as process:
                pass
            case _:
                return
        with suppress(OSError, ValueError):
            if message.size is not None:
                process.resize(*message.size)
            if message.data:
                process.type(message.data)
            if message.signal is not None:
                process.signal(message.signal)

    def save(self, checkpoint: w.Checkpoint) -> None:
        """Keep a checkpoint, with the mail of this moment.

        Raises:
            OSError: the disk refuses it; the one before is still kept.
        """
        descriptor = checkpoint.fd
        if descriptor is None:
            return
        try:
            mail = self._mail.snapshot()
            if mail is None:
                return
            self._dossier.size, self._dossier.plain = checkpoint.size, checkpoint.plain
            self._kept.save_checkpoint(descriptor, {"epoch": self._dossier.epoch, "mail": mail})
        finally:
            os.close(descriptor)
        self._dossier.restarts.saved()
        self._mail.saved(mail)
        self._kept_here += 1
        if self._kept_here == CHECKPOINTS_KEPT:
            self._kept.remove_arrivals()  # no checkpoint of before the move is left

    # -- ending

    def end(self, *, kill: bool) -> None:
        """Make the worker end, at once or after a grace."""
        if self.task is not None:
            (self.task.kill if kill else self.task.stop)()

    def close(self) -> None:
        """Leave no process behind; waits up to 5 s for each."""
        self._spare.drop(wait=5.0)
        if self.task is not None:
            self.task.kill()
            self.task.join(5.0)
