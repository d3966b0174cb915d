"""One lane's sending end: entries are packed together into numbered frames.

Under load many entries go into one frame, which is what makes telling fast: the socket costs much
more than a message. An outbox has no lock; its owner guards it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from simulacra.actors.runtime.codec import Buffer
from simulacra.actors.runtime.frames import pack_data_header

FULL: Final = 32 * 1024
_NOW: Final = int(zmq.DONTWAIT)  # as plain numbers, whose use costs less than an enum's
_MORE: Final = int(zmq.DONTWAIT | zmq.SNDMORE)

WATCHED: Final = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_DISCONNECTED
)
"""What libzmq is to tell of a lane's socket, for `Outbox.trouble`."""


class Trouble(Enum):
    """Why a lane is of no more use."""

    TURNED_AWAY = "its door turned this node away"
    BROKEN = "a connection to it broke"


class Outbox:
    """What waits to be sent on one lane.

    Args:
        socket: the lane's DEALER, without a high-water mark: what may be under way is bounded by
            credit, so sending never blocks.
        monitor: where libzmq tells of what is `WATCHED`; None where nobody wants to know.
    """

    def __init__(self, socket: zmq.Socket[bytes], monitor: zmq.Socket[bytes] | None = None) -> None:
        self.lost_frames = 0
        self._socket = socket
        self._send = super(zmq.Socket, socket).send  # pyzmq's own wrapper is for other kinds
        self._monitor = monitor
        self._is_connected = False
        self._next = 1
        self._entries: list[bytes] = []
        self._bytes = 0
        self._charged = 0
        self._charged_bytes = 0

    def add(self, entry: bytes, charge: int = 0) -> bool:
        """Let an entry wait; whether so many wait now that it is time to flush.

        Args:
            entry: a packed entry.
            charge: the bytes that it took from the peer's window; 0 if it is exempt.
        """
        self._entries.append(entry)
        self._bytes += len(entry)
        if charge:
            self._charged += 1
            self._charged_bytes += charge
        return self._bytes >= FULL

    def add_now(self, entry: bytes, charge: int = 0) -> None:
        """Send an entry at once, behind all that waits; as `add` and `flush`, but quicker."""
        if self._entries:
            self.add(entry, charge)
            self.flush()
            return
        header = pack_data_header(self._next, 1, 1 if charge else 0, charge)
        self._next += 1
        try:
            self._send(header + entry, _NOW)
        except zmq.Again:
            self.lost_frames += 1

    def flush(self, buffers: Sequence[Buffer] = ()) -> None:
        """Send all that waits as one frame, with ``buffers`` behind it."""
        if self._entries:
            self.send(self._frame(), buffers)

    def beat(self) -> None:
        """Send a frame even if it is empty: its number shows the peer what it has missed."""
        self.send(self._frame(), ())

    def _frame(self) -> bytes:
        count = len(self._entries)
        header = pack_data_header(self._next, count, self._charged, self._charged_bytes)
        frame = b"".join([header, *self._entries])
        self._next += count
        self._entries.clear()
        self._bytes = self._charged = self._charged_bytes = 0
        return frame

    def send(self, frame: bytes, buffers: Sequence[Buffer] = ()) -> None:
        """Send one frame of any kind.

        A lane that the peer's door turned away takes nothing more. What is sent then is lost like
        what is on a broken wire: its numbers are used, so the peer, if it hears again, sees the
        gap, and the silence ends the session.
        """
        try:
            self._send(frame, _MORE if buffers else _NOW)
            for index, buffer in enumerate(buffers, 1):
                flags = _MORE if index < len(buffers) else _NOW
                self._send(buffer, flags, False)  # without a copy
        except zmq.Again:
            self.lost_frames += 1

    def trouble(self) -> Trouble | None:
        """What has happened to the lane since this was asked last, if it is of no more use.

        libzmq never connects a lane again that the peer's door refused. One that broke it does, but
        without what was under way, and without a greeting.
        """
        while self._monitor is not None and self._monitor.poll(0):
            event = parse_monitor_message(self._monitor.recv_multipart())["event"]
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                return Trouble.TURNED_AWAY
            if event == zmq.EVENT_DISCONNECTED and self._is_connected:
                return Trouble.BROKEN
            self._is_connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
        return None

    def close(self, linger: float = 0.0) -> None:
        """Close the socket; unsent frames are dropped after ``linger`` seconds."""
        if self._monitor is not None:
            # First, as libzmq's own thread would wait for ever to tell somebody who is gone.
            self._socket.disable_monitor()
            self._monitor.close()
        self._socket.close(linger=int(linger * 1000))
