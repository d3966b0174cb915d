"""Reading the node's ROUTER, by one thread at a time: what each frame is, and whose.

A frame of a connection that greeted goes to its session and from there to the actors. From any
other connection only a HELLO or a REFUSED is understood. What is wrong is counted, logged once a
connection, and ends that peer's session only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import zmq

from simulacra.actors.runtime.codec import Codec, MalformedError
from simulacra.actors.runtime.connections import Connection, Wire
from simulacra.actors.runtime.frames import (
    DATA_HEADER_SIZE,
    DATA_MARK,
    Hello,
    Kind,
    unpack_data_header,
)
from simulacra.actors.runtime.greetings import Greetings
from simulacra.actors.runtime.roster import Roster
from simulacra.actors.runtime.session import DELIVER_ALL, Deliver
from simulacra.actors.runtime.sockets import KNOCK, Socket
from simulacra.actors.runtime.turns import Turns

logger = logging.getLogger(__name__)

_LONGEST: Final = 2**31 - 1
"""Milliseconds that a socket can wait at most."""


class Reader:
    """Reads frames and hands them on; `run` is the standing reader's body.

    Args:
        router: the socket; closed at the end of `run`.
        knock: lets the router receive an empty message from `KNOCK`.
        codec: how frames are unpacked.
        roster: whose frames they are.
        greetings: receives who greets.
    """

    def __init__(
        self,
        router: Socket,
        knock: Callable[[], None],
        codec: Codec,
        roster: Roster,
        greetings: Greetings,
    ) -> None:
        self.malformed = 0
        self.unknown = 0
        self._router = router
        self._port = int(router.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        self._codec = codec
        self._roster = roster
        self._greetings = greetings
        self._connection_of = roster.connections.get
        self._turns = Turns(self._read, knock)
        self._patience = -1

    def run(self) -> None:
        """Read until the context is shut down."""
        with self._router:
            self._turns.stand()

    def _read(self, timeout: float | None) -> bool:
        """Read one message, in whose turn it is; False when the context is shut down."""
        patience = -1 if timeout is None else min(max(int(timeout * 1000), 0), _LONGEST)
        try:
            if patience != self._patience:
                self._router.set(zmq.RCVTIMEO, patience)
                self._patience = patience
            self._next()
        except zmq.Again:
            pass
        except zmq.ContextTerminated:
            return False
        return True

    def _next(self) -> None:
        router = self._router
        routing_id = router.recv()
        frame = router.recv(copy=False)  # as it knows whether more follows, which costs a call less
        buffers = self._buffers() if frame.more else []
        connection = self._connection_of(routing_id)
        if connection is None:
            if routing_id != KNOCK:
                self._stranger(routing_id, frame)
            return
        try:
            data = frame.bytes
            if data.startswith(DATA_MARK):
                self._data(connection, data, buffers)
            else:
                self._known(connection, data, buffers)
        except MalformedError as error:
            self._malformed(connection, error)
        except zmq.ContextTerminated:
            raise
        except Exception as error:
            logger.exception("a frame of %s could not be handled", connection.peer.name)
            self._roster.fail(connection.peer, f"internal error: {error!r}")

    def _buffers(self) -> list[memoryview]:
        buffers: list[memoryview] = []
        more: Any = True
        while more:
            frame = self._router.recv(copy=False)
            buffers.append(frame.buffer.toreadonly())
            more = frame.more
        return buffers

    # -- peers

    def _known(self, connection: Connection, data: bytes, buffers: list[memoryview]) -> None:
        header = _header(self._codec.unpack(data, buffers))
        if header[0] == Kind.HELLO:
            self._hello_again(connection, Hello.unpack(header[1]))
        elif header[0] == Kind.BYE:
            self._roster.left(connection.peer, f"it said goodbye: {header[1]}")
        elif header[0] == Kind.REFUSED:
            self._roster.refused_by(connection.peer.key, str(header[2]))
        else:
            raise MalformedError(f"a frame of kind {header[0]!r}")

    def _data(self, connection: Connection, data: bytes, buffers: list[memoryview]) -> None:
        first, count, messages, size = unpack_data_header(data)
        packed = memoryview(data)[DATA_HEADER_SIZE:]
        if count == 1:  # as nearly always but under load, and then this is quicker
            entries = [self._codec.unpack_one(packed, buffers)]
        else:
            entries = self._codec.unpack(packed, buffers)
        if len(entries) != count:
            raise MalformedError(f"{len(entries)} entries, but {count} were announced")
        peer = connection.peer
        with peer.session_lock:
            commands = peer.session.frame(
                connection.lane, connection.session, first, count, monotonic()
            )
            if commands is not DELIVER_ALL:
                self._roster.run(peer, commands)
        if commands is DELIVER_ALL:
            connection.incoming.frame(entries, messages, size)
        elif commands and isinstance(commands[-1], Deliver):
            connection.incoming.frame(entries[commands[-1].skip :], messages, size)

    def _hello_again(self, connection: Connection, hello: Hello) -> None:
        if hello.key != connection.peer.key or hello.session_id != connection.session:
            raise MalformedError("a hello of another session on a connection that greeted before")
        self._greetings.hello_again(connection.peer, hello)

    def _malformed(self, connection: Connection, error: MalformedError) -> None:
        self.malformed += 1
        logger.warning("closed %s, which sent a malformed frame: %s", connection.peer.name, error)
        self._roster.fail(connection.peer, f"it sent a malformed frame: {error}")

    # -- strangers

    def _stranger(self, routing_id: bytes, frame: zmq.Frame) -> None:
        wire = Wire.of(frame, self._port)
        key = str(frame.get("User-Id"))
        try:
            header = _header(self._codec.unpack(frame.bytes))
            if header[0] == Kind.HELLO:
                hello = Hello.unpack(header[1]).seen_from(str(frame.get("Peer-Address")))
                self._greetings.hello(routing_id, hello, key, wire)
                return
            if header[0] == Kind.REFUSED:
                self._roster.refused_by(key, str(header[2]))
            else:
                self.unknown += 1
        except zmq.ContextTerminated:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a stranger sends, the reader goes on
            self.malformed += 1
            logger.warning("closed a connection that sent a malformed frame: %s", error)
        wire.shut()


def _header(objects: list[Any]) -> list[Any]:
    if not objects or not isinstance(objects[0], list) or not objects[0]:
        raise MalformedError("a frame without a header")
    return objects[0]
