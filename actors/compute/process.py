"""A worker as its node sees it: a guarded process with a channel, and callbacks.

`WorkerProcess` decides nothing about the computation: it carries messages both ways, and turns
the many ways a worker can end into one exit reason. The actor that owns it decides.

=========  ============================================  =====================================
kind       when                                          detail, error
=========  ============================================  =====================================
normal     the code returned
error      the code raised, or could not be loaded       (class, text, traceback); ``load`` as
                                                         detail where nothing was run
limit      it used too much                              which, used, allowed
killed     by a signal, or `WorkerProcess.kill`          the signal's name
shutdown   `WorkerProcess.stop`, or it moved             ``moved``
=========  ============================================  =====================================
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from simulacra.actors.compute.channel import Channel, ChannelClosedError, MessageTooLargeError
from simulacra.actors.compute.forks import FORKS
from simulacra.actors.compute.guarded import STOP_GRACE, GuardedProcess
from simulacra.actors.compute.limits import over_limit
from simulacra.actors.compute.messages import (
    Discard,
    Error,
    Failed,
    Mail,
    Result,
    Start,
    Stop,
    Taken,
    ToNode,
    ToWorker,
)
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.port import WINDOW
from simulacra.actors.compute.spec import Limits, Script, Spec
from simulacra.actors.runtime.reason import NORMAL, ExitReason

MOVED: Final = ExitReason("shutdown", detail="moved")


class WorkerProcess(GuardedProcess):
    """A computation's worker: a process from the moment this is made, at work from `begin` on.

    Starting an interpreter takes a tenth of a second; whoever knows that a computation is about to
    come can have that done before it is known what to begin with.
    """

    def __init__(
        self,
        *,
        folder: Path,
        log: OutputLog,
        on_message: Callable[[ToNode], None],
        on_exit: Callable[[ExitReason], None],
        on_output: Callable[[bytes], None] | None = None,
        terminal: bool = False,
    ) -> None:
        """Start a worker.

        Args:
            folder: the worker's working directory, made if need be.
            log: where its output goes; stays the caller's to close.
            on_message: called with each message, in the worker's thread; a descriptor in it
                (Frozen, Checkpoint) is then the callee's to close.
            on_exit: called once with the exit reason when no process of it is left, after all
                its messages, in the worker's thread.
            on_output: called with what it prints, after it is logged, in the worker's thread.
            terminal: whether it has one (see `wants_terminal`).

        Raises:
            OSError: it cannot be started.
        """
        self._on_message = on_message
        self._lock = threading.Lock()
        self._in_flight = 0
        self._channel, theirs = Channel.pair()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            super().__init__(
                lambda control, streams: FORKS.start_worker(
                    folder, streams.output, control, theirs.fileno(), terminal=terminal
                ),
                limits=Limits(),
                on_output=log.tee(on_output),
                on_exit=self._ended(on_exit),
                terminal=terminal,
            )
        except BaseException:
            self._channel.close()
            raise
        finally:
            theirs.close()
        self.watch({self._channel.fileno(): self._receive})

    def begin(self, spec: Spec, *, name: str, host: str, snapshot: int | None = None) -> None:
        """Let it work; once.

        Args:
            spec: what to run; no command (see `command.CommandProcess`).
            name: the computation's name.
            host: this host's name.
            snapshot: a descriptor of the snapshot to go on from; stays the caller's to close.

        Raises:
            MessageTooLargeError: the spec's arguments are too large; ``on_exit`` was called.
        """
        self._limits, self.started = spec.limits, time.monotonic()
        try:
            with self._lock:  # a channel that is closed meanwhile would leave its number to others
                self._channel.send(Start(spec.to_plain(), name, host, snapshot))
        except ChannelClosedError:
            pass  # it has ended already; on_exit tells
        except MessageTooLargeError:
            self.kill()
            self.join()
            raise

    def send(self, message: ToWorker) -> bool:
        """Send to the worker, without waiting.

        Returns:
            Whether it was sent. False means: later, for the worker is slow (mail: `port.WINDOW`
            messages are not yet taken), or never, for it has ended; ``on_exit`` tells.
        """
        if isinstance(message, Discard):
            self.end_with(MOVED)  # before it is sent: the worker ends at once
        with self._lock:
            if isinstance(message, Mail) and self._in_flight >= WINDOW:
                return False
            try:
                sent = self._channel.send(message, wait=False)
            except ChannelClosedError:
                return False
            if sent and isinstance(message, Mail):
                self._in_flight += 1
        return sent

    def stop(self, why: str = "stop", grace: float = STOP_GRACE) -> None:
        """End at the next safe point, and by force after ``grace`` seconds; returns at once."""
        self.kill_at(time.monotonic() + grace)
        self.send(Stop(why))

    def _receive(self) -> bool:
        try:
            message = self._channel.receive()
        except ChannelClosedError:
            return False
        match message:
            case Taken():
                with self._lock:
                    self._in_flight -= 1
            case Result():
                self._end_with(NORMAL)
            case Error(error=error, text=text, traceback=traceback):
                self._end_with(_reason_of(error, text, traceback, self._limits))
            case Failed(error=error, text=text, traceback=traceback):
                described = (error, text, traceback)
                self._end_with(ExitReason("error", detail="load", error=described))
        self._on_message(message)  # type: ignore[arg-type]
        return True

    def _end_with(self, reason: ExitReason) -> None:
        """All is said: the process may flush its files, but not stay for a thread left behind."""
        self.end_with(reason)
        self.kill_at(time.monotonic() + STOP_GRACE)

    def _ended(self, on_exit: Callable[[ExitReason], None]) -> Callable[[ExitReason], None]:
        def ended(reason: ExitReason) -> None:
            with self._lock:
                self._channel.close()
            on_exit(reason)

        return ended


def _reason_of(error: str, text: str, traceback: str, limits: Limits) -> ExitReason:
    if error == "MemoryError" and limits.memory is not None:
        return over_limit("memory", None, limits.memory)
    return ExitReason("error", error=(error, text, traceback))


def wants_terminal(spec: Spec) -> bool:
    """Whether the worker for a spec must have a terminal."""
    return isinstance(spec.what, Script) and spec.what.pty
