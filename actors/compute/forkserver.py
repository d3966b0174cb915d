"""The forkserver: a process that has imported all a worker needs, and forks one when asked.

An interpreter with its imports takes 70 ms of processor time to start, a fork of one 2 ms. The
server has one thread and runs no user code, so nothing but its imports is inherited. Each child
becomes a guard and its worker (see `worker.run`); the server reaps the guards, and ends when its
socket closes, which the node's death does. What it forked is not touched by its end.

Over the socket, a SOCK_SEQPACKET pair: the node sends ``[folder, environment, terminal]`` in
msgpack with three descriptors, for standard streams, control socket and channel; the server
answers ``[pid, 0]`` with a descriptor of that process, or ``[0, errno]``.
"""

from __future__ import annotations

import array
import errno
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgpack

from simulacra.actors.compute import worker

REQUEST_LIMIT: Final = 1 << 20

_DESCRIPTORS: Final = 3


@dataclass(frozen=True, slots=True)
class Request:
    """What a worker is to be started with."""

    folder: str
    environment: dict[bytes, bytes]
    terminal: bool
    streams: int
    control: int
    channel: int


class Forkserver:
    """The server's loop.

    Args:
        node: the server's end of the socket.
    """

    def __init__(self, node: socket.socket) -> None:
        self._node = node
        self._guards: dict[int, int] = {}  # process ids by descriptors of the processes
        self._poll = select.poll()
        self._poll.register(node, select.POLLIN)

    def serve(self) -> Request | None:
        """Serve: returns in each child what it is to become, and in the server None at the end."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._guards:
                    self._reap(descriptor)
                    continue
                packet, passed = self._receive()
                if not packet:
                    return None
                if len(passed) < _DESCRIPTORS:
                    self._refuse(errno.EMFILE, passed)  # the kernel left out what had no room
                elif self._fork(passed):
                    return Request(*msgpack.unpackb(packet), *passed)

    def _reap(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        os.waitpid(self._guards.pop(descriptor), 0)
        os.close(descriptor)

    def _receive(self) -> tuple[bytes, list[int]]:
        room = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)
        packet, control, _, _ = self._node.recvmsg(REQUEST_LIMIT, room, socket.MSG_CMSG_CLOEXEC)
        return packet, [fd for _, _, data in control for fd in array.array("i", data)]

    def _fork(self, passed: list[int]) -> bool:
        """Fork, and answer; whether this is the child, which keeps what was passed."""
        try:
            pid = os.fork()
            if pid == 0:
                self._node.close()
                _close(self._guards)
                return True
            process = _descriptor_of(pid)
        except OSError as error:
            self._refuse(error.errno, passed)
            return False
        self._guards[process] = pid
        self._poll.register(process, select.POLLIN)
        socket.send_fds(self._node, [msgpack.packb([pid, 0])], [process])
        _close(passed)
        return False

    def _refuse(self, why: int | None, passed: list[int]) -> None:
        self._node.send(msgpack.packb([0, why]))
        _close(passed)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _descriptor_of(child: int) -> int:
    """A descriptor of a child, which is killed where there is none left to have."""
    try:
        return os.pidfd_open(child)
    except OSError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def become_worker(request: Request) -> None:
    """In a child of the server: run the worker to its end."""
    os.setsid()
    if request.terminal:
        os.dup2(request.streams, 0)
    for stream in (1, 2):
        os.dup2(request.streams, stream)
    os.close(request.streams)
    os.chdir(request.folder)
    os.environb.clear()
    os.environb.update(request.environment)
    worker.run(
        socket.socket(fileno=request.control),
        socket.socket(fileno=request.channel),
        terminal=request.terminal,
    )


def main() -> None:
    """Run a forkserver: ``forkserver SOCKET_FD``; standard input is to be /dev/null."""
    node = socket.socket(fileno=int(sys.argv.pop(1)))
    node.set_inheritable(False)
    gc.freeze()  # or the first collection in a child would copy every page that is shared
    request = Forkserver(node).serve()
    if request is not None:
        become_worker(request)
