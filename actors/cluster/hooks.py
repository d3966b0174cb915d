"""Commands of the user's that run when something happens: ``host.lost``, ``master.changed``.

A hook is a list of words, started without a shell in a process group of its own; it gets the event
as JSON on its standard input and as ``SIMULACRA_EVENT``, ``SIMULACRA_EVENT_HOST`` and
``SIMULACRA_EVENT_TEXT``. Hooks run one after another, in the order of the events; one that takes
longer than `PATIENCE` is killed with all it started. At most `WAITING` events wait, further ones
are dropped and counted: a slow hook never holds up the node. How each ended is logged.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Final

from simulacra.actors.cluster.event_kinds import EVERY
from simulacra.actors.cluster.events import Event

PATIENCE: Final = 30.0
WAITING: Final = 256
_SAID: Final = 500

logger = logging.getLogger(__name__)


class Hooks:
    """Runs the commands that stand for kinds of events.

    Args:
        commands: for each kind of event (``*`` for all) the commands, each a list of words.
        patience: seconds that one may take.

    Attributes:
        dropped: how many events found no room to wait.
    """

    def __init__(
        self, commands: Mapping[str, Sequence[Sequence[str]]], *, patience: float = PATIENCE
    ) -> None:
        self._commands = commands
        self._patience = patience
        self.dropped = 0
        self._waiting: queue.Queue[Event | None] = queue.Queue(WAITING)
        self._closing = threading.Event()
        self._running: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="simulacra-hooks", daemon=True)
        self._thread.start()

    def happened(self, event: Event) -> None:
        """Run what stands for an event, later and elsewhere."""
        if not self._of(event):
            return
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self.dropped += 1
            logger.error("%s: the hooks are too slow, it runs none", event.kind)  # noqa: TRY400

    def close(self) -> None:
        """Kill what runs, and run no more."""
        self._closing.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        running = self._running
        if running is not None:
            _kill(running)
        self._thread.join(5.0)

    def _of(self, event: Event) -> list[Sequence[str]]:
        return [*self._commands.get(event.kind, ()), *self._commands.get(EVERY, ())]

    def _run(self) -> None:
        while not self._closing.is_set():
            event = self._waiting.get()
            if event is None:
                return
            for command in self._of(event):
                if not self._closing.is_set():
                    self._run_one(command, event)

    def _run_one(self, command: Sequence[str], event: Event) -> None:
        try:
            # Not a pipe: what a hook leaves running would hold it open, and this thread with it.
            with tempfile.TemporaryFile() as said:
                self._run_into(said, command, event)
        except (OSError, ValueError) as error:  # ValueError: a word that holds a zero byte
            logger.error("hook %s for %s: %s", command[0], event.kind, error)  # noqa: TRY400

    def _run_into(self, said: IO[bytes], command: Sequence[str], event: Event) -> None:
        process = self._running = subprocess.Popen(  # noqa: S603 - the user's own settings name it
            list(command),
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=_environment(event),
            start_new_session=True,
        )
        if self._closing.is_set():  # `close` may have looked before there was anything to kill
            _kill(process)
        try:
            process.communicate(json.dumps(event.to_plain()).encode(), self._patience)
        except subprocess.TimeoutExpired:
            _kill(process)
            process.communicate()
            logger.error("hook %s took over %g s: killed", command[0], self._patience)  # noqa: TRY400
        finally:
            self._running = None
        if process.returncode:
            said.seek(max(0, said.seek(0, os.SEEK_END) - _SAID))
            text = said.read().decode(errors="replace").strip()
            logger.error("hook %s ended with %d: %s", command[0], process.returncode, text)


def _environment(event: Event) -> dict[str, str]:
    return {
        **os.environ,
        "SIMULACRA_EVENT": event.kind,
        "SIMULACRA_EVENT_HOST": event.host,
        "SIMULACRA_EVENT_TEXT": event.text,
    }


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
