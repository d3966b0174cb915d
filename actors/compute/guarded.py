"""A guarded process as the node sees it: one thread that watches, reads output and judges limits.

The guard (see `guard`) is the node's child; the program is the guard's. The thread ends when all
is over: the guard has reported, the output is read to its end, and ``on_exit`` has been called,
exactly once. A process may have a terminal, so that one can attach to it: what it prints goes the
same way, and what is typed goes to its input. Everything that waits does so in one poll, at most
`limits.POLL_EVERY` seconds.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, Protocol

import psutil

from simulacra.actors.compute import cgroups
from simulacra.actors.compute.console import (
    NO_TERMINAL,
    READ_SIZE,
    Console,
    NoTerminalError,
    Stdio,
)
from simulacra.actors.compute.guard import GO
from simulacra.actors.compute.limits import (
    POLL_EVERY,
    Usage,
    exceeded,
    measure,
    of_status,
    over_limit,
)
from simulacra.actors.compute.spec import Limits
from simulacra.actors.runtime.reason import KILLED, SHUTDOWN, ExitReason

KILL_TIMEOUT: Final = 3.0
DRAIN_TIMEOUT: Final = 1.0
STOP_GRACE: Final = 5.0


class Guard(Protocol):
    """The process of a guard."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def wait(self, timeout: float | None = None) -> object:
        """Wait until it has ended; raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """Kill it; no error where it has ended."""


Start = Callable[[int, Stdio], Guard]
"""Starts a guard, given its control socket and its standard streams."""


class GuardedProcess:
    """A program under a guard.

    Attributes:
        started: when what its limits are for was started, by the monotonic clock.
    """

    def __init__(
        self,
        start: Start,
        *,
        limits: Limits,
        on_output: Callable[[bytes], None],
        on_exit: Callable[[ExitReason], None],
        terminal: bool = False,
        stdio: Stdio | None = None,
        on_begun: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the program; `watch` must be called next.

        Args:
            start: starts the guard, given the descriptor of its control socket, and those of its
                standard streams.
            limits: what all its processes together may use.
            on_output: called with what it prints, in the watching thread.
            on_exit: called once when nothing of it is left, in the watching thread.
            terminal: whether it gets a terminal of its own, instead of a pipe and no input.
            stdio: its standard streams, whose other ends are the caller's to serve; none of them
                is typed into or told here.
            on_begun: called once the program has its process group and its terminal, in the
                watching thread.

        Raises:
            OSError: it cannot be started.
        """
        self._limits = limits
        self._on_output, self._on_exit, self._on_begun = on_output, on_exit, on_begun
        self._reason: ExitReason | None = None
        self._pid: int | None = None
        self._status: int | None = None
        self._deadline: float | None = None
        self._readers: dict[int, Callable[[], bool]] = {}
        # Held to use a descriptor from another thread: a closed one's number is soon another's.
        self._closing = threading.Lock()
        self._control, theirs = socket.socketpair()
        self._console: Console | None = None
        if stdio is None:
            self._console = Console(terminal=terminal)
            stdio = self._console.program_side()
        self._cgroup: cgroups.Cgroup | None = None
        try:
            self._cgroup = cgroups.make(limits)
            self._guard = start(theirs.fileno(), stdio)
        except BaseException:
            self._control.close()
            if self._console is not None:
                self._console.close()
            if self._cgroup is not None:
                self._cgroup.remove()
            raise
        finally:
            theirs.close()
            if self._console is not None:
                self._console.close_program_side()
        if self._cgroup is not None:
            self._cgroup.add(self._guard.pid)
        with contextlib.suppress(OSError):  # it has ended already; the watching thread finds out
            self._control.send(GO)
        self.started = time.monotonic()
        self._thread = threading.Thread(target=self._watch, name=f"guard-{self._guard.pid}")

    def watch(self, readers: Mapping[int, Callable[[], bool]] | None = None) -> None:
        """Begin to watch.

        Args:
            readers: for more descriptors, what to call when one is readable; False closes it off.
        """
        self._readers.update(readers or {})
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The program's process id, once the guard has told it."""
        return self._pid

    @property
    def status(self) -> int | None:
        """Its wait status, once it has ended; None also where its guard was lost."""
        return self._status

    @property
    def guard_pid(self) -> int:
        """The guard's process id."""
        return self._guard.pid

    @property
    def is_alive(self) -> bool:
        """Whether ``on_exit`` has yet to return."""
        return self._thread.is_alive()

    def kill(self, reason: ExitReason = KILLED) -> None:
        """Kill the program and all it started; its exit reason will be ``reason``."""
        self._reason = self._reason or reason
        self._deadline = time.monotonic() + KILL_TIMEOUT
        with self._closing, contextlib.suppress(OSError):  # ended meanwhile
            self._control.shutdown(socket.SHUT_WR)

    def type(self, data: bytes) -> int:
        """Type into its terminal, without waiting; how many bytes it took.

        Raises:
            NoTerminalError: it has none, or has ended.
        """
        return self._terminal().type(data)

    def resize(self, rows: int, columns: int) -> None:
        """Tell it the size of the terminal it is shown on.

        Raises:
            NoTerminalError: it has none, or has ended.
        """
        self._terminal().resize(rows, columns)

    def _terminal(self) -> Console:
        if self._console is None:
            raise NoTerminalError(NO_TERMINAL)
        return self._console

    def signal(self, number: int) -> None:
        """Send a signal to the program's process group."""
        with self._closing, contextlib.suppress(OSError):  # ended meanwhile
            self._control.send(f"signal {number}\n".encode())

    def end_with(self, reason: ExitReason) -> None:
        """Say why the program will have ended, where its exit status would not tell."""
        self._reason = self._reason or reason

    def kill_at(self, deadline: float) -> None:
        """Kill the program at a time of the monotonic clock, as having been shut down.

        Of several times the first one counts: who asks again puts nothing off.
        """
        self._deadline = deadline if self._deadline is None else min(self._deadline, deadline)
        self._reason = self._reason or SHUTDOWN

    def join(self, timeout: float | None = None) -> bool:
        """Wait until ``on_exit`` has returned; whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ, self._read_control)
            if self._console is not None:
                read = partial(self._console.read, self._on_output)
                selector.register(self._console, selectors.EVENT_READ, read)
            for fd, reader in self._readers.items():
                selector.register(fd, selectors.EVENT_READ, reader)
            next_look = self.started + POLL_EVERY
            while self._control in selector.get_map():
                for key, _ in selector.select(POLL_EVERY):
                    if not key.data():
                        selector.unregister(key.fileobj)
                if time.monotonic() >= next_look:
                    self._judge()
                    next_look = time.monotonic() + POLL_EVERY
            self._drain(selector)
        self._finish()

    def _judge(self) -> None:
        now = time.monotonic()
        if self._deadline is not None:
            if now >= self._deadline + KILL_TIMEOUT:
                self._kill_without_guard()
            elif now >= self._deadline:
                self.kill()
            return
        if (self._limits.memory, self._limits.cpu, self._limits.wall) != (None, None, None):
            reason = self._over_limit(now - self.started)
            if reason is not None:
                self.kill(reason)

    def _over_limit(self, wall: float) -> ExitReason | None:
        if self._cgroup is None:
            return exceeded(self._limits, measure(self._guard.pid, wall))
        if self._cgroup.is_out_of_memory:
            return over_limit("memory", None, self._limits.memory)
        return exceeded(self._limits, Usage(0, self._cgroup.cpu, wall))

    def _drain(self, selector: selectors.BaseSelector) -> None:
        """Read what was written before the end."""
        deadline = time.monotonic() + DRAIN_TIMEOUT
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if not key.data():
                    selector.unregister(key.fileobj)

    def _finish(self) -> None:
        try:
            self._guard.wait(KILL_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._kill_without_guard()
            self._guard.wait()
        if self._status is None:
            self._kill_without_guard()  # the guard was killed: it could not clean up
        with self._closing:
            self._control.close()
        if self._console is not None:
            self._console.close()
        reason = self._reason
        if self._cgroup is not None:
            if reason is None and self._cgroup.is_out_of_memory:
                reason = over_limit("memory", None, self._limits.memory)
            with contextlib.suppress(OSError):  # the next node removes it
                self._cgroup.remove()
        if reason is None and self._status is None:
            reason = ExitReason("killed", detail="its guard was killed")
        self._on_exit(reason or of_status(self._status or 0, self._limits))

    def _kill_without_guard(self) -> None:
        """Kill the guard and what it guards ourselves: the guard does not, or is gone."""
        for process in [*self._below_guard(), *self._in_session()]:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()
        self._guard.kill()

    def _below_guard(self) -> list[psutil.Process]:
        """All that the program started, daemons too, as long as the guard is there to be above."""
        try:
            self._guard.wait(0)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(psutil.NoSuchProcess):
                return psutil.Process(self._guard.pid).children(recursive=True)
        return []

    def _in_session(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if self._pid is not None and os.getsid(process.pid) == self._pid:
                    yield process

    def _read_control(self) -> bool:
        try:
            lines = self._control.recv(READ_SIZE)
        except OSError:
            return False
        for line in lines.decode().splitlines():
            word, _, number = line.partition(" ")
            if word == "pid":
                self._pid = int(number)
                self._on_begun()
            else:
                self._status = int(number)
        return bool(lines)
