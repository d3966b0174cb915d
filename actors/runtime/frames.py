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

A DATA header always has the same 28 bytes, its numbers packed as wide as they may get, so that it
is read and written at once. ``messages`` and ``bytes`` say how much of the window the frame's user
mail took. An entry is a list that starts with its `Entry` kind. The first frame of every lane is a
HELLO.
"""

from __future__ import annotations

import platform
import struct
from dataclasses import asdict, dataclass, fields, replace
from enum import IntEnum
from typing import Any, Final

import msgpack

from simulacra.actors.runtime.codec import MalformedError

WIRE_VERSION: Final = 1

_DATA_HEADER: Final = struct.Struct(">3sQBIBIBQ")  # the msgpack tag of each number before it
_MARK: Final = b"\x95\x00\xcf"
_UINT32, _UINT64 = 0xCE, 0xCF

DATA_MARK: Final = _MARK[:2]
"""How a DATA frame begins."""
DATA_HEADER_SIZE: Final = _DATA_HEADER.size


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
    REST = 10  # lane, number of the offer
    STAY = 11  # number of the offer


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
        apart: 1 while the greeter's node keeps apart from all but those that do so too; a node of
            before does not say it, and does not keep apart.
        rests: 1 if the greeter understands REST and STAY; a node of before does not say it, and is
            not offered to rest.
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
    apart: int = 0
    rests: int = 0

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
        known |= {name: told.get(name, 0) for name in ("apart", "rests")}
        for field in fields(cls):
            wanted = {"int": int, "str": str}.get(str(field.type), list)
            if not isinstance(known[field.name], wanted):
                raise MalformedError(f"a HELLO's {field.name} is no {wanted.__name__}")
        for pair in ("echo", "window"):
            known[pair] = _numbers(known[pair], 2, pair)
        if known["lane"] not in list(Lane) or not all(known["window"]):
            raise MalformedError("a HELLO's lane or window is none")
        return cls(**known)


def _numbers(values: list[Any], count: int, what: str) -> tuple[int, ...]:
    if len(values) != count:
        raise MalformedError(f"a {what} is not made of {count} numbers")
    for value in values:
        if type(value) is not int or value < 0:
            raise MalformedError(f"a {what} is not made of numbers")
    return tuple(values)


def pack_data_header(first: int, count: int, messages: int, size: int) -> bytes:
    """The header of a DATA frame, before its entries."""
    return _DATA_HEADER.pack(_MARK, first, _UINT32, count, _UINT32, messages, _UINT64, size)


def unpack_data_header(frame: bytes) -> tuple[int, int, int, int]:
    """The (first, count, messages, bytes) of a DATA frame.

    Raises:
        MalformedError: it is not what `pack_data_header` made.
    """
    try:
        mark, first, one, count, two, messages, three, size = _DATA_HEADER.unpack_from(frame)
    except struct.error as error:
        raise MalformedError(f"a DATA header of {len(frame)} bytes") from error
    if mark != _MARK or one != _UINT32 or two != _UINT32 or three != _UINT64:
        raise MalformedError("a DATA header is not made of five numbers of the right widths")
    return first, count, messages, size


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
