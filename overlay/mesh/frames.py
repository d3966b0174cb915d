"""What node and helper say to each other: a length of four bytes, and a msgpack map, each way.

A request is ``{"verb": ..., "args": {...}}``, its answer ``{"ok": ...}`` or ``{"error": text}``.
Longer frames than `LONGEST` are refused before they are read.
"""

from __future__ import annotations

import socket
import struct
from typing import Any, Final

import msgpack

LONGEST: Final = 8 << 20
_LENGTH: Final = struct.Struct("!I")


class FrameError(Exception):
    """The other side says what is no frame, or goes away in the middle of one."""


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one frame."""
    body = msgpack.packb(message)
    if len(body) > LONGEST:
        raise FrameError(f"a frame of {len(body)} bytes is longer than {LONGEST}")
    connection.sendall(_LENGTH.pack(len(body)) + body)


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """Receive one frame; None where the other side hung up before it.

    Raises:
        FrameError: what comes is none.
    """
    head = _read(connection, _LENGTH.size)
    if not head:
        return None
    (length,) = _LENGTH.unpack(_whole(head, _LENGTH.size))
    if length > LONGEST:
        raise FrameError(f"a frame of {length} bytes is longer than {LONGEST}")
    body = _whole(_read(connection, length), length)
    try:
        message = msgpack.unpackb(body)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise FrameError(f"a frame holds no msgpack: {error}") from error
    if not isinstance(message, dict):
        raise FrameError("a frame holds no map")
    return message


def _read(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer where the other side hangs up."""
    read = bytearray()
    while len(read) < size and (piece := connection.recv(size - len(read))):
        read += piece
    return bytes(read)


def _whole(read: bytes, size: int) -> bytes:
    if len(read) < size:
        raise FrameError(f"a frame breaks off after {len(read)} of {size} bytes")
    return read
