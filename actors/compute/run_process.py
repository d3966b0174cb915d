"""A command on the host where its directory lies, its standard streams at the other end of a line.

Three threads serve it: the guard's, which watches over its processes (see `guarded`); the line's,
which receives; the pump, the only one that sends, which carries bytes between the line and the
command's pipes or terminal. Input waits until the command has its terminal: before, Ctrl-C would
raise a signal for nobody.

When the line ends, or brings nothing for `LOST_AFTER` seconds, the command's group is sent SIGHUP,
and what is left of it is killed `GRACE` seconds later: nobody is there any more who could see it.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from simulacra.actors.compute.command import program
from simulacra.actors.compute.console import open_streams, set_size
from simulacra.actors.compute.guarded import GuardedProcess
from simulacra.actors.compute.run_frames import (
    BEAT_EVERY,
    LOST_AFTER,
    Allowance,
    Beat,
    Ended,
    Grant,
    Intake,
    Piece,
    RunFrameError,
    Sent,
    Shape,
    pack,
    unpack,
)
from simulacra.actors.compute.spec import Limits
from simulacra.actors.runtime.bulk_line import Line, LineError
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.threads import start_thread

logger = logging.getLogger(__name__)

GRACE: Final = 2.0
_READ: Final = 1 << 18
_END_OF_INPUT: Final = b"\x04"


class RunProcess:
    """See the module."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str],
        shape: Shape | None,
        errors_apart: bool,
        on_exit: Callable[[RunProcess], None],
    ) -> None:
        """Start it; `serve` or `abandon` must be called next.

        Args:
            argv: the command.
            folder: its working directory.
            env: its environment.
            shape: the size of its terminal; None where it has pipes.
            errors_apart: whether its standard error is a pipe also where there is a terminal.
            on_exit: called once when nothing of it is left.

        Raises:
            OSError: it cannot be started.
        """
        self._told_exit = on_exit
        self._lock = threading.Lock()  # over all that two threads use, and over closing
        self._allowance, self._intake = Allowance(), Intake()
        self._waiting: deque[bytes] = deque()
        self._ended, self._lost = threading.Event(), threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        size = None if shape is None else (shape.rows, shape.columns)
        self._input: int | None
        self._input, self._outputs, theirs = open_streams(size, errors_apart=errors_apart)
        self._terminal = self._input if shape is not None else None
        self._closed = False
        try:
            self._process = GuardedProcess(
                program(argv, folder=folder, env=env, terminal=shape is not None),
                limits=Limits(),
                on_output=lambda _: None,
                on_exit=self._exited,
                terminal=shape is not None,
                stdio=theirs,
                on_begun=self._wake_up,
            )
        except BaseException:
            self._close()
            raise
        finally:
            for fd in set(theirs):
                os.close(fd)
        self._process.watch()

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is left."""
        return self._ended.is_set()

    def kill(self) -> None:
        """Kill it at once."""
        self._process.kill()

    def abandon(self) -> None:
        """Nobody serves it: end it."""
        self._process.kill()
        self._close()

    def serve(self, line: Line, admits: Callable[[str], bool]) -> None:
        """Carry its streams over a line, until it has ended or the line has.

        Args:
            line: to whoever started it.
            admits: whether the other end's key is admitted still; asked at each frame.
        """
        try:
            pump = start_thread(self._pump, line, name="run-pump")
        except OSError as error:
            logger.warning("a command is ended that nothing can be said to: %s", error)
            self.abandon()
            return
        with suppress(LineError, RunFrameError):
            line.patience(receiving=LOST_AFTER, sending=LOST_AFTER)
            while admits(line.key):
                self._take(line.receive())
        self._lost.set()
        line.abort()
        self._hang_up()
        self._wake_up()
        pump.join()

    def _exited(self, reason: ExitReason) -> None:
        del reason
        self._ended.set()
        self._wake_up()
        self._told_exit(self)

    def _hang_up(self) -> None:
        if not self._ended.is_set():
            self._process.signal(signal.SIGHUP)
            self._process.signal(signal.SIGCONT)  # what is stopped hears nothing
            self._process.kill_at(time.monotonic() + GRACE)

    # -- what comes in

    def _take(self, data: bytes) -> None:
        frame = unpack(data)
        with self._lock:
            match frame:
                case Piece(0, data):
                    self._intake.take(len(data))
                    self._waiting.append(data)
                case Grant(size):
                    self._allowance.grant(size)
                case Shape(rows, columns):
                    self._resize(rows, columns)
                case Sent(number) if number in signal.valid_signals():
                    self._process.signal(number)
                case Beat():
                    return
                case _:
                    raise RunFrameError(f"{frame} is nothing for this end")
        self._wake_up()

    def _resize(self, rows: int, columns: int) -> None:
        if self._terminal is not None and not self._closed:
            set_size(self._terminal, rows, columns)

    def _wake_up(self) -> None:
        with self._lock:
            if not self._closed:
                os.eventfd_write(self._wake, 1)

    # -- the pump

    def _pump(self, line: Line) -> None:
        beat = time.monotonic() + BEAT_EVERY
        try:
            while self._pass_on(line, max(0.0, beat - time.monotonic())):
                if self._lost.is_set():
                    return
                if time.monotonic() >= beat:
                    line.send(pack(Beat()))
                    beat = time.monotonic() + BEAT_EVERY
            line.send(pack(Ended(self._process.status)))
        except LineError:
            line.abort()  # the receiving thread does the rest
        finally:
            self._close()

    def _pass_on(self, line: Line, wait: float) -> bool:
        """Wait for something and do it; False when it has ended and all is said."""
        ended = self._ended.is_set()  # before looking: what it wrote is there by then
        with self._lock:
            room = self._allowance.left
            waiting = bool(self._waiting) and self._process.pid is not None
        poll = select.poll()
        masks = {self._wake: select.POLLIN}
        if room:
            masks |= dict.fromkeys(self._outputs, select.POLLIN)
        if waiting and self._input is not None:
            masks[self._input] = masks.get(self._input, 0) | select.POLLOUT
        for fd, mask in masks.items():
            poll.register(fd, mask)
        events = dict(poll.poll(0 if ended and room else wait * 1000))
        if self._wake in events:
            os.eventfd_read(self._wake)
        readable = [fd for fd in self._outputs if room and events.get(fd, 0) & ~select.POLLOUT]
        for fd in readable:
            self._carry_out(line, fd)
        if events.get(self._input or -1, 0) & (select.POLLOUT | select.POLLERR):
            self._carry_in(line)
        return not (ended and room and not readable)

    def _carry_out(self, line: Line, fd: int) -> None:
        with self._lock:
            room = self._allowance.left
        if not room:
            return
        try:
            data = os.read(fd, min(_READ, room))
        except BlockingIOError:
            return
        except OSError:  # EIO: the last program with this terminal has ended
            data = b""
        if not data:
            del self._outputs[fd]
            if fd != self._terminal:
                os.close(fd)
            return
        with self._lock:
            self._allowance.spend(len(data))
        line.send(pack(Piece(self._outputs[fd], data)))

    def _carry_in(self, line: Line) -> None:
        with self._lock:
            data = self._waiting.popleft()
        try:
            written = self._write(data)
        except BlockingIOError:  # a terminal that nobody reads from
            with self._lock:
                self._waiting.appendleft(data)
            return
        with self._lock:
            if written < len(data):
                self._waiting.appendleft(data[written:])
            grant = self._intake.dispose(written)
        if grant:
            line.send(pack(Grant(grant)))

    def _write(self, data: bytes) -> int:
        """Write to its input, without waiting; how much of that is done with."""
        if self._input is None:
            return len(data)
        try:
            if data:
                return os.write(self._input, data)
            if self._terminal is not None:
                os.write(self._input, _END_OF_INPUT)
                return 0
        except BlockingIOError:
            raise
        except OSError:
            pass  # it has closed its input: nobody reads the rest
        if self._terminal is None:
            os.close(self._input)
        self._input = None
        return len(data)

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            for fd in {self._wake, self._input, self._terminal, *self._outputs} - {None}:
                os.close(fd)  # type: ignore[arg-type]
            self._input, self._terminal = None, None
            self._outputs.clear()
