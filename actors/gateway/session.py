"""The frames of one connection, as the node sends and receives them.

One thread reads; any thread sends, a frame as a whole, and nothing after the last one.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

from simulacra.actors.gateway.call import Call, Cancelled
from simulacra.actors.gateway.frames import (
    ErrorCode,
    Frame,
    FrameDecoder,
    FrameError,
    GatewayError,
    pack,
)

REQUEST_TIMEOUT: Final = 10.0
"""Seconds in which a client has to send its request."""

_CHUNK: Final = 1 << 16
_log = logging.getLogger(__name__)


class Session:
    """The frames of one connection, in both directions.

    Attributes:
        deadline: When reading gives up, by ``time.monotonic``; None is never.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.deadline: float | None = time.monotonic() + REQUEST_TIMEOUT
        self.incoming = self._read()
        self._connection = connection
        self._sending = threading.Lock()
        self._finished = False

    def watch(self, call: Call) -> None:
        """Hand the client's further frames to ``call``; cancel it when it is over."""
        try:
            for frame in self.incoming:
                call.offer(frame)
            if self.deadline is not None and time.monotonic() >= self.deadline:
                self.finish({"id": call.trace, "error": _late(call).to_plain()})
        except FrameError as error:
            _log.warning("gateway connection closed: %s", error)
            shut(self._connection)
        except OSError as error:
            _log.debug("gateway client went away: %s", error)
        finally:
            call.cancel()

    def transmit(self, frame: Frame) -> None:
        """Send a frame, unless the last one has been sent.

        Raises:
            Cancelled: The answer has ended.
            OSError: The client is gone, or does not read.
        """
        data = pack(frame)
        with self._sending:
            if self._finished:
                raise Cancelled
            self._send(data)

    def finish(self, frame: Frame) -> None:
        """Send the last frame; a second one, or one that nobody reads, is dropped."""
        data = pack(frame)
        with self._sending, contextlib.suppress(OSError):
            if not self._finished:
                self._finished = True
                self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError:
            # Half a frame may be out: nothing can follow it.
            self._finished = True
            shut(self._connection)
            raise

    def _read(self) -> Iterator[Frame]:
        decoder = FrameDecoder()
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        while poll.poll(self._wait()):
            data = self._connection.recv(_CHUNK)
            if not data:
                return
            yield from decoder.feed(data)

    def _wait(self) -> float | None:
        """Return the milliseconds until the deadline."""
        if self.deadline is None:
            return None
        return max(0.0, self.deadline - time.monotonic()) * 1000


def shut(connection: socket.socket) -> None:
    """End both directions of a connection, which wakes whoever reads it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _late(call: Call) -> GatewayError:
    return GatewayError(
        ErrorCode.TIMED_OUT,
        f"the node did not finish `{call.verb}` in the time it was given",
        "see whether the node is well: simulacra doctor",
    )
