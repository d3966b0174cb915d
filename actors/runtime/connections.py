"""The connections that other nodes opened to this one, and how to close one of them.

ZeroMQ offers no way to close a connection that a ROUTER accepted, and asks for admission only at
the handshake; so an expelled peer would stay. (Taking over its routing id with ROUTER_HANDOVER
mutes it, but leaves its TCP connection open: libzmq issues 3238 and 4407.) A frame tells the file
descriptor it came by. Shutting that TCP connection down makes libzmq close it as if the peer had
gone, and the peer's reconnect then meets the door.

A descriptor number may be in use again for something else, when the frame is read as well as later:
a worker's socket pair, whose unnamed ends all look alike, was once shut down so. Therefore a wire
is known by both its ends: the near one is the ROUTER's port, the far one must still be the same.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from dataclasses import dataclass

import zmq

from simulacra.actors.runtime.frames import Lane, SessionId
from simulacra.actors.runtime.incoming import Incoming
from simulacra.actors.runtime.peer import Peer
from simulacra.actors.runtime.session import NOBODY


@dataclass(frozen=True, slots=True)
class Wire:
    """The TCP connection that a frame came by.

    Attributes:
        descriptor: libzmq's file descriptor of it.
        other_end: the peer's address and port; None where the connection is closed already.
    """

    descriptor: int
    other_end: tuple[str | int, ...] | None

    @classmethod
    def of(cls, frame: zmq.Frame, port: int) -> Wire:
        """The connection of a frame that was received by the ROUTER at a port."""
        descriptor = int(frame.get(zmq.SRCFD))
        with contextlib.suppress(OSError), _duplicate(descriptor) as connection:
            is_tcp = connection.family in {socket.AF_INET, socket.AF_INET6}
            if is_tcp and connection.getsockname()[1] == port:
                return cls(descriptor, connection.getpeername())
        return cls(descriptor, None)

    def shut(self) -> None:
        """Close the connection, if it still is the same."""
        if self.other_end is None:
            return
        with contextlib.suppress(OSError), _duplicate(self.descriptor) as connection:
            if connection.getpeername() == self.other_end:
                connection.shutdown(socket.SHUT_RDWR)


def _duplicate(descriptor: int) -> socket.socket:
    """A socket object of its own for the descriptor, which stays libzmq's."""
    duplicate = os.dup(descriptor)
    try:
        return socket.socket(fileno=duplicate)
    except OSError:
        os.close(duplicate)
        raise


@dataclass(frozen=True, slots=True)
class Connection:
    """One lane that a peer opened to this node, greeted and bound to it."""

    peer: Peer
    lane: Lane
    session: SessionId
    wire: Wire
    incoming: Incoming


class Connections:
    """The greeted connections of a node by routing id; safe from any thread.

    Attributes:
        get: whom a routing id is bound to, None if nobody greeted by it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[bytes, Connection] = {}
        self.get = self._by_id.get

    def bind(self, routing_id: bytes, connection: Connection) -> None:
        """Take what comes with a routing id for the peer's from now on."""
        with self._lock:
            self._by_id[routing_id] = connection

    def incoming(self, peer: Peer, session: SessionId) -> Incoming | None:
        """The receiving side that a peer's session already has by its other lane."""
        with self._lock:
            for connection in self._by_id.values():
                if connection.peer is peer and connection.session == session:
                    return connection.incoming
        return None

    def evict(self, peer: Peer, keep: SessionId = NOBODY) -> None:
        """Close a peer's connections but those of one session, and forget them."""
        with self._lock:
            gone = {
                routing_id: connection
                for routing_id, connection in self._by_id.items()
                if connection.peer is peer and connection.session != keep
            }
            for routing_id in gone:
                del self._by_id[routing_id]
        for connection in gone.values():
            connection.wire.shut()
