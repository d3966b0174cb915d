"""Bytes that stay where they are in this process, for its node to read from there.

A frozen computation's state need not be copied in order to be sent: what is written here piece by
piece, as a pickler does, is kept by reference where it is large, and the node reads all of it
through a descriptor of this process's memory. The extents say where, in order. Whoever reads must
reckon with the end of this process: then nothing comes any more.

What was written must not be changed while somebody may read it; a computation that is frozen
holds still.
"""

from __future__ import annotations

import ctypes
import os
from pickle import PickleBuffer
from typing import Final

LARGE: Final = 64 * 1024

Data = bytes | bytearray | memoryview | PickleBuffer


class Exposed:
    """A file to write to, whose content others can read in this process's memory.

    Attributes:
        size: bytes written so far.
    """

    def __init__(self) -> None:
        self.size = 0
        self._small: list[bytes] = []
        self._held: list[object] = []
        self._extents: list[tuple[int, int]] = []

    def write(self, data: Data) -> int:
        """Append ``data``, without a copy if it is large; how many bytes it has."""
        view = data.raw() if isinstance(data, PickleBuffer) else memoryview(data)
        self.size += view.nbytes
        if view.nbytes < LARGE:
            self._small.append(bytes(view))
        else:
            self._flush()
            self._hold(data if isinstance(data, bytes) else view)
        return view.nbytes

    def extents(self) -> list[tuple[int, int]]:
        """The address and the length of each part, in order; valid as long as this object lives."""
        self._flush()
        return list(self._extents)

    def _flush(self) -> None:
        if self._small:
            self._hold(b"".join(self._small))
            self._small.clear()

    def _hold(self, data: bytes | memoryview) -> None:
        """Keep ``data`` from being freed or resized, and note where it is."""
        held: ctypes.c_char_p | ctypes.c_char
        if isinstance(data, memoryview) and not data.readonly:
            held = ctypes.c_char.from_buffer(data)
            address = ctypes.addressof(held)
        else:
            held = ctypes.c_char_p(bytes(data))  # bytes are not copied by that
            address = ctypes.cast(held, ctypes.c_void_p).value or 0
        self._held.append(held)
        self._extents.append((address, len(data)))


def own_memory() -> int:
    """A descriptor of this process's memory, for reading; the caller's to close."""
    return os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
