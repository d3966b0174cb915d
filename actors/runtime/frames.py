"""What stands in a frame between two nodes.

A frame is one ZeroMQ message. Its first part is a sequence of msgpack objects, of which the first,
the *header*, tells the frame's kind; large buffers follow as parts of their own.

=========  =======================================  ==========================================
kind       header                                   then
=========  =======================================  ==========================================
DATA       [0, first, count, messages, bytes]       ``count`` entries, numbered from ``first``
HELLO      [1, fields of `Hello` by name]           nothing
REFUSED    [2, code, text]                          nothing
BYE        [3, text]                                nothing
=========  =======================================  ==========================================

``messages`` and ``bytes`` say how much of the window the frame's user mail took. An entry is a list
that starts with its `Entry` kind. The first frame of every lane is a HELLO.
"""

from __future__ import annotations

import platform
import struct
from dataclasses import asdict, dataclass, fields, replace
from enum import IntEnum
from typing import Any, Final, NamedTuple

import msgpack

from simulacra.actors.runtime.codec import MalformedError

WIRE_VERSION: Final = 1

# [0, first, count, messages, bytes] in msgpack, each number as wide as it may get: one for every
# frame is packed, and this takes half the time.
_DATA_HEADER: Final = struct.Struct(">3sQBIBIBQ")


class Lane(IntEnum):
    """The two connections from one node to another; each keeps its own order."""

    CONTROL = 0
    DATA = 1


class Kind(IntEnum):
    """The kinds of frames."""

    DATA = 0
    HELLO = 1
    REFUSED = 2
    BYE = 3


class Entry(IntEnum):
    """The kinds of entries; what follows each kind in its list."""

    TELL = 0  # target, message
    ASK = 1  # target, number of the ask, message
    REPLY = 2  # number of the ask, value
    ERROR = 3  # number of the ask, exception
    SIGNAL = 4  # target, signal
    STOP = 5  # target, number of an ask or 0, reason
    ALIVE = 6  # target, number of an ask
    CREDIT = 7  # messages, bytes
    XOFF = 8  # target
    XON = 9  # target


SessionId = tuple[int, int]
"""(incarnation of the node, number of its session with this peer)."""


@dataclass(frozen=True, slots=True)
class Hello:
    """How a node greets: who it is, and which sessions it speaks of.

    Attributes:
        wire: the wire version.
        software: the version of Simulacra.
        node: the node's name.
        incarnation: the random number of the node's process.
        session: the number of the greeter's session with the greeted.
        echo: the greeted's session as the greeter knows it; (0, 0) if it knows none.
        endpoint: where the greeter's own ROUTER listens.
        key: the greeter's public key, Z85.
        window: how much mail the greeter lets be under way to it: messages, bytes.
        python: its Python's version.
        machine: its processor's architecture.
        lane: the lane that this connection is for.
    """

    wire: int
    software: str
    node: str
    incarnation: int
    session: int
    echo: SessionId
    endpoint: str
    key: str
    window: tuple[int, int]
    python: str = platform.python_version()
    machine: str = platform.machine()
    lane: int = Lane.CONTROL

    @property
    def session_id(self) -> SessionId:
        """The greeter's session."""
        return self.incarnation, self.session

    def seen_from(self, address: str) -> Hello:
        """The same, its endpoint completed by the address it came from where it names none."""
        host, colon, port = self.endpoint.removeprefix("tcp://").rpartition(":")
        if host not in ("*", "0.0.0.0", "[::]"):  # noqa: S104 - compared, not bound
            return self
        literal = f"[{address}]" if ":" in address else address
        return replace(self, endpoint=f"tcp://{literal}{colon}{port}")

    def pack(self) -> bytes:
        """The whole frame."""
        told = asdict(self)
        return _pack([Kind.HELLO, told])

    @classmethod
    def unpack(cls, told: Any) -> Hello:
        """Read what `pack` told; fields that are not known here are left out.

        Raises:
            MalformedError: a field is missing or of the wrong type.
        """
        if not isinstance(told, dict):
            raise MalformedError("a HELLO is no map")
        known: dict[str, Any] = {field.name: told.get(field.name) for field in fields(cls)}
        for field in fields(cls):
            wanted = {"int": int, "str": str}.get(str(field.type), list)
            if not isinstance(known[field.name], wanted):
                raise MalformedError(f"a HELLO's {field.name} is no {wanted.__name__}")
        for pair in ("echo", "window"):
            known[pair] = _numbers(known[pair], 2, pair)
        if known["lane"] not in list(Lane) or not all(known["window"]):
            raise MalformedError("a HELLO's lane or window is none")
        return cls(**known)


class DataHeader(NamedTuple):
    """The header of a DATA frame."""

    kind: int
    first: int
    entries: int
    messages: int
    size: int

    @classmethod
    def unpack(cls, header: list[Any]) -> DataHeader:
        """Read a header.

        Raises:
            MalformedError: it is not made of five numbers.
        """
        return cls(*_numbers(header, 5, "DATA header"))


def _numbers(values: list[Any], count: int, what: str) -> tuple[int, ...]:
    if len(values) != count:
        raise MalformedError(f"a {what} is not made of {count} numbers")
    for value in values:
        if type(value) is not int or value < 0:
            raise MalformedError(f"a {what} is not made of numbers")
    return tuple(values)


def pack_data_header(first: int, count: int, messages: int, size: int) -> bytes:
    """The header of a DATA frame, before its entries."""
    return _DATA_HEADER.pack(b"\x95\x00\xcf", first, 0xCE, count, 0xCE, messages, 0xCF, size)


def pack_refused(code: str, text: str) -> bytes:
    """A REFUSED frame."""
    return _pack([Kind.REFUSED, code, text])


def pack_bye(text: str) -> bytes:
    """A BYE frame."""
    return _pack([Kind.BYE, text])


def pack_entry(*parts: Any) -> bytes:
    """An entry of the runtime's own plain numbers and names."""
    return _pack(parts)


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed
