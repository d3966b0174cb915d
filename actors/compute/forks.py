"""Starting workers by the forkserver, as the node sees it (the other side: `forkserver`).

This process has one server, started with its first worker and again should it ever be lost; it
ends with this process. Starting waits for the server's answer.
"""

from __future__ import annotations

import array
import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import msgpack

from simulacra.actors.compute.worker import MALLOC

ANSWER_TIMEOUT: Final = 20.0
"""Seconds: a busy machine may take long to start the server itself."""

# Not -m: that would put the working directory, where user files are, on the import path.
_BOOT: Final = (
    "import sys; sys.path.append(sys.argv.pop(1));"
    "from simulacra.actors.compute.forkserver import main; main()"
)
_ANSWER: Final = 64
_ROOT: Final = str(Path(__file__).parents[3])  # where the package simulacra is


class Forked:
    """A process that the server forked, as `subprocess.Popen` would show it.

    Attributes:
        pid: its process id.
    """

    def __init__(self, pid: int, process: int) -> None:
        """Take over ``process``, a descriptor of the process."""
        self.pid: Final = pid
        self._process: int | None = process

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not.
        """
        if self._process is None:
            return
        poll = select.poll()
        poll.register(self._process, select.POLLIN)
        if not poll.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired("a worker", timeout or 0.0)
        os.close(self._process)
        self._process = None

    def kill(self) -> None:
        """Kill it; no error where it has ended."""
        if self._process is not None:
            try:
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            except ProcessLookupError:
                return


class Forks:
    """The server of this process; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def start_worker(
        self, folder: Path, streams: int, control: int, channel: int, *, terminal: bool
    ) -> Forked:
        """Start a guard with its worker.

        Args:
            folder: its working directory.
            streams: becomes its standard output and error, and its input where it has a terminal.
            control: the guard's end of its control socket.
            channel: the worker's end of its channel.
            terminal: whether ``streams`` is a terminal.

        Raises:
            OSError: it cannot be started.
        """
        request = msgpack.packb([str(folder), dict(os.environb), terminal])
        descriptors = [streams, control, channel]
        with self._lock:
            try:
                return self._ask(request, descriptors)
            except (BrokenPipeError, ConnectionResetError):  # it was killed before it read that
                return self._ask(request, descriptors)

    def get_ready(self) -> None:
        """Start the server now, where it does not run."""
        with self._lock:
            self._socket = self._socket or self._start()

    def close(self) -> None:
        """End the server; another is started when it is needed."""
        with self._lock:
            self._end()

    def _ask(self, request: bytes, descriptors: list[int]) -> Forked:
        """Have the server do it, a new one if there is none.

        Raises:
            BrokenPipeError, ConnectionResetError: it is gone, and has not read the request.
            OSError: it cannot be done, or it is not known whether it was.
        """
        self._socket = self._socket or self._start()
        room = socket.CMSG_SPACE(array.array("i").itemsize)
        try:
            socket.send_fds(self._socket, [request], descriptors)
            packet, control, _, _ = self._socket.recvmsg(_ANSWER, room, socket.MSG_CMSG_CLOEXEC)
            if not packet:
                raise ConnectionAbortedError("the server of workers was killed; try again")
        except OSError:
            self._end()
            raise
        pid, errno = msgpack.unpackb(packet)
        if errno:
            raise OSError(errno, f"no worker can be started: {os.strerror(errno)}")
        [process] = (fd for _, _, data in control for fd in array.array("i", data))
        return Forked(pid, process)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-P", "-c", _BOOT, _ROOT, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**dict([MALLOC]), **os.environ},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        ours.settimeout(ANSWER_TIMEOUT)
        return ours

    def _end(self) -> None:
        if self._socket is not None and self._server is not None:
            self._socket.close()
            self._server.kill()
            self._server.wait()
        self._socket = self._server = None


FORKS: Final = Forks()
atexit.register(FORKS.close)
