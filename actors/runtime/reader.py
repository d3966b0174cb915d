"""The one thread that reads the node's ROUTER: what each frame is, and whose.

A frame of a connection that greeted goes to its session and from there to the actors. From any
other connection only a HELLO or a REFUSED is understood. What is wrong is counted, logged once a
connection, and ends that peer's session only.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any

import zmq

from simulacra.actors.runtime.codec import Codec, MalformedError
from simulacra.actors.runtime.connections import Connection, Wire
from simulacra.actors.runtime.frames import DataHeader, Hello, Kind
from simulacra.actors.runtime.peer import never_waits
from simulacra.actors.runtime.roster import Roster
from simulacra.actors.runtime.session import DELIVER_ALL, Deliver
from simulacra.actors.runtime.sockets import Socket

logger = logging.getLogger(__name__)


class Reader:
    """Reads frames and hands them on; `run` is the thread's body."""

    def __init__(self, router: Socket, codec: Codec, roster: Roster) -> None:
        self.malformed = 0
        self.unknown = 0
        self._router = router
        self._port = int(router.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        self._codec = codec
        self._roster = roster

    def run(self) -> None:
        """Read until the context is shut down."""
        never_waits.here = True
        with self._router:
            while True:
                try:
                    self._next()
                except zmq.ContextTerminated:
                    return

    def _next(self) -> None:
        router = self._router
        routing_id = router.recv()
        frame = router.recv(copy=False)  # as it knows whether more follows, which costs a call less
        buffers = self._buffers(frame.more)
        connection = self._roster.connections.get(routing_id)
        if connection is None:
            self._stranger(routing_id, frame)
            return
        try:
            self._known(connection, frame.bytes, buffers)
        except MalformedError as error:
            self._malformed(connection, error)
        except zmq.ContextTerminated:
            raise
        except Exception as error:
            logger.exception("a frame of %s could not be handled", connection.peer.name)
            self._roster.fail(connection.peer, f"internal error: {error!r}")

    def _buffers(self, more: Any) -> list[memoryview]:
        buffers: list[memoryview] = []
        while more:
            frame = self._router.recv(copy=False)
            buffers.append(frame.buffer.toreadonly())
            more = frame.more
        return buffers

    # -- peers

    def _known(self, connection: Connection, data: bytes, buffers: list[memoryview]) -> None:
        objects = self._codec.unpack(data, buffers)
        header = _header(objects)
        if header[0] == 0:  # Kind.DATA; as a number it costs less
            self._data(connection, objects)
        elif header[0] == Kind.HELLO:
            self._hello_again(connection, Hello.unpack(header[1]))
        elif header[0] == Kind.BYE:
            self._roster.left(connection.peer, f"it said goodbye: {header[1]}")
        elif header[0] == Kind.REFUSED:
            self._roster.refused_by(connection.peer.key, str(header[2]))
        else:
            raise MalformedError(f"a frame of kind {header[0]!r}")

    def _data(self, connection: Connection, objects: list[Any]) -> None:
        header = DataHeader.unpack(objects[0])
        if len(objects) - 1 != header.entries:
            raise MalformedError(f"{len(objects) - 1} entries, but {header.entries} were announced")
        peer = connection.peer
        with peer.session_lock:
            commands = peer.session.frame(
                connection.lane, connection.session, header.first, header.entries, monotonic()
            )
            if commands is not DELIVER_ALL:
                self._roster.run(peer, commands)
        if commands and isinstance(commands[-1], Deliver):
            connection.incoming.frame(header, objects, 1 + commands[-1].skip)

    def _hello_again(self, connection: Connection, hello: Hello) -> None:
        if hello.key != connection.peer.key or hello.session_id != connection.session:
            raise MalformedError("a hello of another session on a connection that greeted before")
        self._roster.hello_again(connection.peer, hello)

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
                self._roster.hello(routing_id, hello, key, wire)
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
