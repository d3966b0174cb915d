"""What passes between the two ends of a command that runs elsewhere, and how much of it. Pure.

A frame is a letter and what belongs to it; numbers are unsigned, big-endian:

| frame | from | is |
| --- | --- | --- |
| ``0 bytes`` | here | for its standard input; no bytes: its end |
| ``1 bytes``, ``2 bytes`` | there | what it wrote to its standard output and error |
| ``C size`` | both | so many bytes were disposed of: as many more may come |
| ``S number`` | here | a signal for its process group |
| ``W rows columns`` | here | the size of the terminal |
| ``B`` | both | nothing, so that silence means a lost connection |
| ``X status`` | there | it has ended, as from waitpid; no status: nobody knows how. The last one |

Of output as of input at most a window is under way from where it is read to where it is written:
who does not read holds up the writer, as a pipe does, and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

WINDOW: Final = 1 << 20
BEAT_EVERY: Final = 5.0
LOST_AFTER: Final = 15.0
"""Seconds without a frame after which the other end counts as lost."""

_NUMBER: Final = struct.Struct(">Q")
_SIZE: Final = struct.Struct(">HH")
_STREAMS: Final = (b"0", b"1", b"2")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of the standard stream of that number."""

    stream: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Grant:
    """So many bytes more may come."""

    size: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A signal for the command's process group, by number."""

    number: int


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of the terminal, in character cells."""

    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life."""


@dataclass(frozen=True, slots=True)
class Ended:
    """It has ended, with a wait status; None where that is lost."""

    status: int | None


Frame: TypeAlias = Piece | Grant | Sent | Shape | Beat | Ended


class RunFrameError(Exception):
    """The other end does not keep to the protocol; the text says how."""


def pack(frame: Frame) -> bytes:
    """A frame as bytes."""
    match frame:
        case Piece(stream, data):
            return _STREAMS[stream] + data
        case Grant(size):
            return b"C" + _NUMBER.pack(size)
        case Sent(number):
            return b"S" + _NUMBER.pack(number)
        case Shape(rows, columns):
            return b"W" + _SIZE.pack(rows, columns)
        case Beat():
            return b"B"
        case Ended(status):
            return b"X" if status is None else b"X" + _NUMBER.pack(status)


def unpack(data: bytes) -> Frame:
    """The frame that bytes are.

    Raises:
        RunFrameError: they are none.
    """
    letter, rest = data[:1], data[1:]
    try:
        match letter:
            case b"0" | b"1" | b"2":
                return Piece(int(letter), rest)
            case b"C":
                return Grant(*_NUMBER.unpack(rest))
            case b"S":
                return Sent(*_NUMBER.unpack(rest))
            case b"W":
                return Shape(*_SIZE.unpack(rest))
            case b"B" if not rest:
                return Beat()
            case b"X":
                return Ended(_NUMBER.unpack(rest)[0] if rest else None)
    except struct.error:
        pass
    raise RunFrameError(f"a frame of {len(data)} bytes that begins with {letter!r} is none")


class Allowance:
    """The sender's side of a window: how much may still go.

    Attributes:
        left: in bytes.
    """

    def __init__(self) -> None:
        self.left = WINDOW

    def spend(self, size: int) -> None:
        """So much goes; the caller has looked at `left`."""
        self.left -= size

    def grant(self, size: int) -> None:
        """So much was disposed of.

        Raises:
            RunFrameError: it is more than was sent.
        """
        if self.left + size > WINDOW:
            raise RunFrameError(f"{size} bytes are granted that were never sent")
        self.left += size


class Intake:
    """The receiver's side of a window: what came, and what of it was disposed of.

    Attributes:
        held: bytes that came and are not disposed of.
    """

    def __init__(self) -> None:
        self.held = 0
        self._owed = 0

    def take(self, size: int) -> None:
        """So much came.

        Raises:
            RunFrameError: it is more than was allowed.
        """
        if self.held + self._owed + size > WINDOW:
            raise RunFrameError(f"{size} bytes came that were not allowed")
        self.held += size

    def dispose(self, size: int) -> int:
        """So much was disposed of; how much to grant now, seldom and in large pieces, or 0."""
        self.held -= size
        self._owed += size
        if self.held and self._owed < WINDOW // 4:
            return 0
        owed, self._owed = self._owed, 0
        return owed
