"""TCP connections to ports of a host's own loopback, on behalf of other nodes.

The ``ports`` actor connects, and hands out numbers; whoever has a number sends and receives a piece
at a time. Waiting for the other side is done in a thread of its own, never in the actor. A
connection of which nobody has asked anything for a minute is closed: its owner's node is lost.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register
from simulacra.actors.threads import start_thread

PORTS: Final = "ports"
_CONNECT_TIMEOUT: Final = 3.0
_SEND_TIMEOUT: Final = 5.0
_WAIT: Final = 2.0
_LIMIT: Final = 256
_IDLE: Final = 60.0


@register("ports.connect")
@dataclass(frozen=True, slots=True)
class Connect:
    """Connect to a port of 127.0.0.1. Answered with a number, or an OSError."""

    port: int


@register("ports.transmit")
@dataclass(frozen=True, slots=True)
class Transmit:
    """Send bytes; None ends this direction."""

    connection: int
    data: bytes | None


@register("ports.receive")
@dataclass(frozen=True, slots=True)
class Receive:
    """Answered with bytes: some, none after 2 s, or None when the other side has closed."""

    connection: int
    limit: int


@register("ports.close")
@dataclass(frozen=True, slots=True)
class Close:
    """Close a connection."""

    connection: int


class _Sweep:
    """Time to close what nobody uses."""


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    used: float


class Ports(Actor):
    """See the module.

    Args:
        idle: seconds after which a connection that nobody asks for is closed.
    """

    def __init__(self, idle: float = _IDLE) -> None:
        self._idle = idle
        self._numbers = count(1)
        self._connections: dict[int, _Connection] = {}

    def on_start(self) -> None:
        """Begin to sweep."""
        self.send_every(self._idle / 2, _Sweep())

    def on_receive(self, message: Any) -> Any:
        """An error of the network's is the asker's, not this actor's."""
        try:
            return self._handle(message)
        except (OSError, OverflowError) as error:  # OverflowError: no such port
            self.defer_reply().set_error(OSError(str(error)))
            return None

    def _handle(self, message: Any) -> Any:
        match message:
            case Connect(port):
                return self._connect(port)
            case Transmit(connection, data):
                self._work(self._socket(connection), lambda its: _transmit(its, data))
            case Receive(connection, limit):
                self._work(self._socket(connection), lambda its: _receive(its, limit))
            case Close(connection):
                closing = self._connections.pop(connection, None)
                if closing is not None:
                    _close(closing.socket)
            case _Sweep():
                self._sweep(time.monotonic() - self._idle)
            case _:
                self.refuse(message)
        return None

    def on_stop(self, reason: Any) -> None:
        """Close all connections."""
        del reason
        self._sweep(float("inf"))

    def _connect(self, port: int) -> int:
        if len(self._connections) >= _LIMIT:
            raise OSError(f"{_LIMIT} connections are forwarded already")
        made = socket.create_connection(("127.0.0.1", port), _CONNECT_TIMEOUT)
        made.settimeout(_SEND_TIMEOUT)
        connection = next(self._numbers)
        self._connections[connection] = _Connection(made, time.monotonic())
        return connection

    def _socket(self, connection: int) -> socket.socket:
        found = self._connections.get(connection)
        if found is None:
            raise OSError(f"connection {connection} is closed")
        found.used = time.monotonic()
        return found.socket

    def _sweep(self, before: float) -> None:
        for number, each in list(self._connections.items()):
            if each.used < before:
                del self._connections[number]
                _close(each.socket)

    def _work(self, its: socket.socket, do: Callable[[socket.socket], bytes | None]) -> None:
        reply = self.defer_reply()
        try:
            start_thread(_answer, reply, its, do, name=f"port@{self.system.name}")
        except OSError as error:
            reply.set_error(error)


def _answer(reply: Reply, its: socket.socket, do: Callable[[socket.socket], bytes | None]) -> None:
    try:
        reply.set(do(its))
    except (OSError, ValueError) as error:  # ValueError: closed meanwhile
        reply.set_error(OSError(str(error)))


def _transmit(its: socket.socket, data: bytes | None) -> None:
    if data is None:
        its.shutdown(socket.SHUT_WR)
    else:
        its.sendall(data)


def _receive(its: socket.socket, limit: int) -> bytes | None:
    poll = select.poll()
    poll.register(its, select.POLLIN)
    if not poll.poll(_WAIT * 1000):
        return b""
    return its.recv(limit) or None


def _close(its: socket.socket) -> None:
    with suppress(OSError):
        its.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
    its.close()
