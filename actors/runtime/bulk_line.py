"""A line: a TCP connection between two nodes that carries sealed frames, for bulk.

A frame is its length, 4 bytes, unsigned, big-endian, and so many bytes. The first frame each way
is the handshake's (see `noise`), with the nodes' CURVE keys as static keys; all others are sealed.
Whatever is wrong with a line ends it: there is no way back to a frame's beginning.

Where no wire is between the two, as the same kernel holds both ends at one address, frames after
the handshake are *bare*: there is nobody to hide them from who could not read the nodes' memory as
well. In the handshake, which is sealed, each side that sees its own address at the other end tells
which kernel it runs on; the line is bare where both say the same. Whoever dialed then sends one
sealed frame without bytes first, which proves that its handshake is no repeated one.

Waiting is bounded by the kernel's time-outs for the socket, so that a large frame is received in
one call, in which no other thread of the node is held up.
"""

from __future__ import annotations

import socket
import struct
from typing import Final, Protocol, Self

from zmq.utils import z85

from simulacra.actors.boot import boot_id
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.runtime.noise import Data, Initiator, NoiseError, Secrets, respond

PROLOGUE: Final = b"simulacra bulk 1"
FRAME_LIMIT: Final = (1 << 20) + 64

_HELLO_LIMIT: Final = 256

_LENGTH: Final = struct.Struct(">I")
_TIMEVAL: Final = struct.Struct("@ll")


class LineError(Exception):
    """The line is of no use any more; the text says why, to follow the other node's name."""


class Cipher(Protocol):
    """What a line does to one direction's frames."""

    def seal(self, data: Data) -> Data:
        """What to send for a frame."""

    def open(self, data: Data) -> Data:
        """The frame again; raises NoiseError where it is not the next one."""


class _Bare:
    """A direction whose frames go as they are."""

    def seal(self, data: Data) -> Data:
        return data

    def open(self, data: Data) -> Data:
        return data


class Line:
    """One end; used by one thread for each direction, but for `abort`.

    Attributes:
        key: the other node's public key, Z85.
        is_bare: whether its frames are not sealed.
    """

    def __init__(self, connection: socket.socket, secrets: Secrets, kernel: bytes) -> None:
        self._socket = connection
        self.is_bare: Final = bool(kernel) and secrets.payload == kernel
        self._sending: Cipher = _Bare() if self.is_bare else secrets.sending
        self._receiving: Cipher = _Bare() if self.is_bare else secrets.receiving
        self._buffer = bytearray(FRAME_LIMIT)
        self.key: Final = z85.encode(secrets.remote).decode()

    @classmethod
    def dial(cls, host: str, port: int, keys: KeyPair, key: str, timeout: float) -> Self:
        """Connect to a node.

        Args:
            host: its address.
            port: its bulk port.
            keys: this node's own.
            key: the public key that it must own.
            timeout: seconds for connecting, and then for each frame to come or go.

        Raises:
            LineError: nobody answers there, or somebody else, or this node's key is not admitted.
        """
        try:
            connection = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise LineError(f"cannot be reached at {host}:{port}: {error}") from error
        try:
            _prepare(connection, timeout)
            initiator = Initiator(_bytes(keys.secret), _bytes(key), PROLOGUE)
            kernel = _kernel(connection)
            _send(connection, initiator.begin(kernel))
            secrets = initiator.finish(_receive(connection, bytearray(_HELLO_LIMIT)))
            line = cls(connection, secrets, kernel)
            if line.is_bare:
                _send(connection, secrets.sending.seal(b""))
        except NoiseError as error:
            connection.close()
            raise LineError(f"is not who it should be: {error}") from error
        except BaseException:
            connection.close()
            raise
        return line

    @classmethod
    def answer(cls, connection: socket.socket, keys: KeyPair, timeout: float) -> Self:
        """Take over a connection that was accepted; closes it where this fails.

        Raises:
            LineError: whoever dialed is silent for ``timeout`` seconds, or no node.
        """
        try:
            _prepare(connection, timeout)
            hello = _receive(connection, bytearray(_HELLO_LIMIT))
            kernel = _kernel(connection)
            reply, secrets = respond(_bytes(keys.secret), hello, PROLOGUE, kernel)
            _send(connection, reply)
            line = cls(connection, secrets, kernel)
            if line.is_bare:
                secrets.receiving.open(_receive(connection, bytearray(_HELLO_LIMIT)))
        except NoiseError as error:
            connection.close()
            raise LineError(f"speaks another protocol, or means another node: {error}") from error
        except BaseException:
            connection.close()
            raise
        return line

    def patience(self, receiving: float, sending: float) -> None:
        """How many seconds to wait for a frame's first bytes, and for a frame to go on its way.

        Raises:
            LineError: the line was closed meanwhile.
        """
        try:
            _limit(self._socket, receiving, sending)
        except OSError as error:
            raise LineError(f"is gone: {error}") from error

    def send(self, data: Data) -> None:
        """Send a frame.

        Raises:
            LineError: it takes no more, or is gone.
        """
        _send(self._socket, self._sending.seal(data))

    def receive(self) -> bytes:
        """Wait for the next frame.

        Raises:
            LineError: nothing came in time, what came is not the next frame, or it is gone.
        """
        return bytes(self.borrow())

    def borrow(self) -> Data:
        """As `receive`, without a copy: it may be another frame as soon as the next one is awaited.

        Raises:
            LineError: as `receive`.
        """
        sealed = _receive(self._socket, self._buffer)
        try:
            return self._receiving.open(sealed)
        except NoiseError as error:
            raise LineError(f"sent what cannot be read: {error}") from error

    @property
    def is_quiet(self) -> bool:
        """Whether it is open and nothing has come, as it should be between questions."""
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def abort(self) -> None:
        """Make whatever thread waits for it fail at once; from any thread, before `close`."""
        abort(self._socket)

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def abort(connection: socket.socket) -> None:
    """Shut a connection down in both directions; no error where it is down."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _prepare(connection: socket.socket, timeout: float) -> None:
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(None)  # Python's own would make each receiving call a short one
        _limit(connection, timeout, timeout)
    except OSError as error:
        raise LineError(f"is gone: {error}") from error


def _limit(connection: socket.socket, receiving: float, sending: float) -> None:
    for option, seconds in ((socket.SO_RCVTIMEO, receiving), (socket.SO_SNDTIMEO, sending)):
        value = _TIMEVAL.pack(int(seconds), int(seconds % 1 * 1e6))
        connection.setsockopt(socket.SOL_SOCKET, option, value)


def _send(connection: socket.socket, frame: Data) -> None:
    try:
        connection.sendall(_LENGTH.pack(len(frame)), socket.MSG_MORE | socket.MSG_NOSIGNAL)
        connection.sendall(frame, socket.MSG_NOSIGNAL)
    except BlockingIOError:
        raise LineError("takes no more") from None
    except OSError as error:
        raise LineError(f"is gone: {error}") from error


def _receive(connection: socket.socket, buffer: bytearray) -> memoryview:
    """The next frame, in ``buffer``."""
    view = memoryview(buffer)
    _fill(connection, view[: _LENGTH.size])
    (length,) = _LENGTH.unpack_from(buffer)
    if length > len(buffer):
        raise LineError(f"sent a frame of {length} bytes, and none is over {len(buffer)}")
    _fill(connection, view[:length])
    return view[:length]


def _fill(connection: socket.socket, view: memoryview) -> None:
    while view:
        try:
            size = connection.recv_into(view, 0, socket.MSG_WAITALL)
        except BlockingIOError:
            raise LineError("sent nothing in time") from None
        except OSError as error:
            raise LineError(f"is gone: {error}") from error
        if not size:
            raise LineError("has closed the connection")
        view = view[size:]


def _kernel(connection: socket.socket) -> bytes:
    """Which kernel this is, if it may hold both ends of a connection; else nothing."""
    try:
        here, there = connection.getsockname()[0], connection.getpeername()[0]
    except OSError as error:
        raise LineError(f"is gone: {error}") from error
    return boot_id() if here == there else b""


def _bytes(key: str) -> bytes:
    return z85.decode(key.encode())
