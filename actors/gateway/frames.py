"""Frames of the gateway: length-prefixed msgpack maps, and nothing else.

A frame is four bytes of length (unsigned, big-endian) and that many bytes of msgpack, which must
be a map with text keys. The exchange on one connection:

    node    {gateway, node, version, pid}            once, at once: the greeting
    client  {id, verb, args, timeout}                once: the request
    client  {input} | {resize} | {signal} | {credit} any number, for duplex verbs only
    node    {id, item}                               any number
    node    {id, end: true} | {id, error}            once: the last frame

To cancel a call the client closes the connection. ``id`` is the trace id of the call: the client
makes it up, the answers repeat it and the node's logs show it. Whatever breaks these rules is a
``FrameError``, after which nothing on that connection can be trusted.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgpack

PROTOCOL: Final = 1
"""Version of this protocol, told in the greeting."""

MAX_FRAME: Final = 64 * 1024 * 1024
"""Most bytes of msgpack in one frame; the length alone of a longer one ends the connection."""

Frame: TypeAlias = dict[str, Any]

_LENGTH: Final = struct.Struct(">I")


class ErrorCode(StrEnum):
    """Why a call failed, for programs; the command line turns each into an exit code."""

    FAILED = "failed"
    USAGE = "usage"
    UNPLACEABLE = "unplaceable"
    UNREACHABLE = "unreachable"
    NOT_FOUND = "not_found"
    DENIED = "denied"
    TIMED_OUT = "timed_out"


class GatewayError(Exception):
    """A call failed: what is wrong and why, and what to type next.

    Attributes:
        code: The kind of failure.
        message: What is wrong and why, one sentence without a full stop.
        hint: What to do about it, preferably a command to type; may be empty.
    """

    def __init__(self, code: ErrorCode, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def to_plain(self) -> dict[str, str]:
        """Return the error as it stands in a frame and in the command line's JSON."""
        return {"code": self.code.value, "message": self.message, "hint": self.hint}

    @classmethod
    def from_plain(cls, plain: object) -> GatewayError:
        """Rebuild an error from a frame; a code from a newer node counts as ``failed``."""
        if not isinstance(plain, Mapping):
            return cls(ErrorCode.FAILED, str(plain))
        code = str(plain.get("code"))
        known = code in ErrorCode.__members__.values()
        return cls(
            ErrorCode(code) if known else ErrorCode.FAILED,
            str(plain.get("message")),
            str(plain.get("hint") or ""),
        )


class FrameError(Exception):
    """The bytes are no frame of this protocol: the connection has to be closed."""


def pack(frame: Mapping[str, object]) -> bytes:
    """Return ``frame`` as bytes for the socket.

    Raises:
        GatewayError: The frame holds something msgpack has no word for, or is over ``MAX_FRAME``.
    """
    size = weight(frame)
    if size > MAX_FRAME:
        raise _too_large(size)  # before a copy of it is made
    try:
        body = msgpack.packb(frame)
    except UnicodeEncodeError as error:
        raise GatewayError(
            ErrorCode.USAGE,
            f"{error.object!a} is no UTF-8, and cannot be given here",
            "name something else, or rename it",
        ) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise GatewayError(
            ErrorCode.USAGE,
            f"a value cannot travel through the gateway: {error}",
            "use plain data: None, bool, int, float, str, bytes, lists and dicts of these",
        ) from error
    if len(body) > MAX_FRAME:
        raise _too_large(len(body))
    return _LENGTH.pack(len(body)) + bytes(body)


def weight(value: object, depth: int = 3) -> int:
    """Return the bytes of the buffers and texts in ``value``, down to a depth: at least so many."""
    if isinstance(value, bytes | bytearray | str):
        return len(value)
    if depth == 0 or not isinstance(value, dict | list | tuple):
        return 0
    items = value.values() if isinstance(value, dict) else value
    return sum(weight(item, depth - 1) for item in items)


def _too_large(size: int) -> GatewayError:
    return GatewayError(
        ErrorCode.USAGE,
        f"a value of {size} bytes is over the gateway's limit of {MAX_FRAME} bytes",
        "put it in a file and pass the file's name as host:path",
    )


class FrameDecoder:
    """Turns the bytes of a stream into frames, however the stream was cut into pieces.

    Args:
        made_of: makes each map in them, those in others too, of a plain dict.
    """

    def __init__(self, made_of: Callable[[Frame], Frame] | None = None) -> None:
        self._made_of = made_of
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes and yield each frame that they complete.

        Raises:
            FrameError: The length is over ``MAX_FRAME``, or the body is not a msgpack map with
                text keys.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise FrameError(f"a frame of {length} bytes is over the limit of {MAX_FRAME}")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield _unpack(body, self._made_of)


def _unpack(body: bytes, made_of: Callable[[Frame], Frame] | None) -> Frame:
    try:
        frame = msgpack.unpackb(body, strict_map_key=False, object_hook=made_of)
    except (ValueError, RecursionError, msgpack.UnpackException) as error:
        raise FrameError(f"not msgpack: {error}") from error
    if not isinstance(frame, dict) or not all(isinstance(key, str) for key in frame):
        raise FrameError(f"not a map with text keys but {type(frame).__name__}")
    return frame
