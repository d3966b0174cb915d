"""The door: answers ZeroMQ's question (ZAP, RFC 27) whether a CURVE key may connect.

libzmq asks once for each connection, at its handshake, and lets nothing pass before the answer. The
admitted key becomes the connection's ``User-Id``, which later frames are checked against. The list
is asked anew each time, so a key that was taken from it cannot come back; the connections it
already has are for the transport to close.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import zmq
from zmq.utils import z85

_ENDPOINT = "inproc://zeromq.zap.01"
_REQUEST_PARTS = 7


class Door:
    """The ZAP handler of one ZeroMQ context, in a thread of its own.

    Args:
        context: whose sockets it answers for; closing the context ends the thread.
        admits: whether a public key (Z85) is admitted; called in the door's thread.
    """

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], admits: Callable[[str], bool]
    ) -> None:
        self.refused = 0
        self._admits = admits
        self._socket = context.socket(zmq.REP)
        self._socket.linger = 0
        self._socket.bind(_ENDPOINT)
        self._thread = threading.Thread(target=self._serve, name="simulacra-zap", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._socket:
            while True:
                try:
                    request = self._socket.recv_multipart()
                    self._socket.send_multipart(self._answer(request))
                except zmq.ContextTerminated:
                    return

    def _answer(self, request: list[bytes]) -> list[bytes]:
        if len(request) == _REQUEST_PARTS and request[5] == b"CURVE":
            key = z85.encode(request[6])
            if self._admits(key.decode()):
                return [b"1.0", request[1], b"200", b"", key, b""]
        self.refused += 1
        request_id = request[1] if len(request) > 1 else b""
        return [b"1.0", request_id, b"400", b"not admitted", b"", b""]

    def join(self, timeout: float) -> None:
        """Wait for the thread's end, after the context was closed."""
        self._thread.join(timeout)
