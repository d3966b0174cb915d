"""TCP connections to ports of a host's own loopback, on behalf of other nodes.

The ``ports`` actor connects, and hands out numbers; whoever has a number sends and receives a piece
at a time. Waiting for the other side is done in a thread of the connection, never in the actor.
"""

from __future__ import annotations

import select
import socket
import threading
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register

PORTS: Final = "ports"
_CONNECT_TIMEOUT: Final = 3.0
_SEND_TIMEOUT: Final = 5.0
_WAIT: Final = 2.0
_LIMIT: Final = 256


@register("ports.connect")
@dataclass(frozen=True, slots=True)
class Connect:
    """Connect to a port of 127.0.0.1. Answered with a number."""

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


class Ports(Actor):
    """See the module."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._sockets: dict[int, socket.socket] = {}

    def on_receive(self, message: Any) -> Any:
        """An error of the network's is the asker's, not this actor's."""
        try:
            return self._handle(message)
        except OSError as error:
            self.defer_reply().set_error(error)
            return None

    def _handle(self, message: Any) -> Any:
        match message:
            case Connect(port):
                return self._connect(port)
            case Transmit(connection, None):
                self._socket(connection).shutdown(socket.SHUT_WR)
            case Transmit(connection, bytes() as data):
                self._socket(connection).sendall(data)
            case Receive(connection, limit):
                arguments = (self._socket(connection), limit, self.defer_reply())
                threading.Thread(target=_receive, args=arguments, daemon=True).start()
            case Close(connection):
                closing = self._sockets.pop(connection, None)
                if closing is not None:
                    closing.close()
            case _:
                self.refuse(message)
        return None

    def on_stop(self, reason: Any) -> None:
        """Close all connections."""
        del reason
        for each in self._sockets.values():
            each.close()

    def _connect(self, port: int) -> int:
        if len(self._sockets) >= _LIMIT:
            raise OSError(f"{_LIMIT} connections are forwarded already")
        connection = next(self._numbers)
        self._sockets[connection] = socket.create_connection(("127.0.0.1", port), _CONNECT_TIMEOUT)
        self._sockets[connection].settimeout(_SEND_TIMEOUT)
        return connection

    def _socket(self, connection: int) -> socket.socket:
        found = self._sockets.get(connection)
        if found is None:
            raise OSError(f"connection {connection} is closed")
        return found


def _receive(source: socket.socket, limit: int, reply: Reply) -> None:
    try:
        readable, _, _ = select.select([source], [], [], _WAIT)
        if not readable:
            reply.set(b"")
            return
        reply.set(source.recv(limit) or None)
    except (OSError, ValueError) as error:
        reply.set_error(OSError(str(error)))
