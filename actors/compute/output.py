"""What a computation prints, kept on disk up to a number of bytes.

Two files hold it, ``NAME`` and the older ``NAME.1``, each up to half of the limit. When the newer
is full it becomes the older one, and the oldest bytes are lost, and counted. Output that the disk
refuses is counted too: a full disk must not stop a computation that only talks. It may be written
and read from several threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final


class OutputLog:
    """The captured output of one computation.

    Attributes:
        dropped: bytes lost so far, oldest first or because the disk was full.
    """

    def __init__(self, path: Path, limit: int, on_write: Callable[[], None] | None = None) -> None:
        """Append to ``path``.

        Args:
            path: the newer file.
            limit: bytes kept at least half of, and never more than.
            on_write: called after each write, in the writer's thread.
        """
        self._path: Final = path
        self._older: Final = path.with_name(path.name + ".1")
        self._half: Final = max(1, limit // 2)
        self._on_write: Final = on_write
        self._lock: Final = threading.Lock()
        self._file = path.open("a+b", buffering=0)
        self._size = self._file.seek(0, os.SEEK_END)
        self.dropped = 0

    def write(self, data: bytes) -> None:
        """Append output; what is over the limit pushes out the oldest."""
        with self._lock:
            for start in range(0, len(data), self._half):
                self._append(data[start : start + self._half])
        if self._on_write is not None:
            self._on_write()

    def tee(self, also: Callable[[bytes], None] | None) -> Callable[[bytes], None]:
        """`write`, and then ``also``, for somebody who looks on; may be None."""
        if also is None:
            return self.write

        def write(data: bytes) -> None:
            self.write(data)
            also(data)

        return write

    def _append(self, data: bytes) -> None:
        try:
            if self._size + len(data) > self._half:
                self._rotate()
            self._size += self._file.write(data)
        except OSError:
            self.dropped += len(data)

    def _rotate(self) -> None:
        if self._path.exists():  # else the disk refused the new file the last time
            lost = self._older_size()
            self._path.replace(self._older)
            self.dropped += lost
        newer = self._path.open("a+b", buffering=0)
        self._file.close()
        self._file, self._size = newer, 0

    def _older_size(self) -> int:
        return self._older.stat().st_size if self._older.exists() else 0

    @property
    def end(self) -> int:
        """The position behind all that was ever written."""
        older = self._older.stat().st_size if self._older.exists() else 0
        return self.dropped + older + self._size

    def read(self) -> bytes:
        """All that is kept, oldest first."""
        with self._lock:
            older = self._older.read_bytes() if self._older.exists() else b""
            return older + self._path.read_bytes()

    def read_after(self, position: int, limit: int) -> tuple[bytes, int]:
        """Up to ``limit`` bytes from a position on, and the position behind them.

        Positions count all bytes that were ever written; what is lost by now is passed over. A
        negative position is so many bytes before the end.
        """
        with self._lock:
            first = self.dropped
            older = self._older_size()
            end = first + older + self._size
            start = min(max(position if position >= 0 else end + position, first), end)
            data = b""
            if start < first + older:
                with self._older.open("rb") as file:
                    data = os.pread(file.fileno(), limit, start - first)
            newer = start + len(data) - first - older
            if newer >= 0:
                data += os.pread(self._file.fileno(), limit - len(data), newer)
        return data, start + len(data)

    def close(self) -> None:
        """Close the file; what is kept stays."""
        self._file.close()
