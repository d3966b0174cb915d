"""A file that comes from elsewhere, and is to be on the disk as soon as all of it has come.

What has come is written to the disk meanwhile, in a thread, so that little is left for the end.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from simulacra.actors.threads import start_thread

FLUSH_EVERY: Final = 1 << 24


class ArrivingFile:
    """See the module; a context manager that closes it.

    Args:
        path: where; what was there is gone.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._flushed = 0
        self._wanted = threading.Event()
        self._is_over = False
        self._thread: threading.Thread

    def __enter__(self) -> Self:
        try:
            self._thread = start_thread(self._flush, name="flush")
        except OSError:
            os.close(self._file)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        os.close(self._file)

    def fileno(self) -> int:
        """The descriptor, to write to."""
        return self._file

    def came(self, size: int) -> None:
        """So many bytes are in the file now."""
        if size >= self._flushed + FLUSH_EVERY:
            self._flushed = size
            self._wanted.set()

    def finish(self) -> None:
        """All has come: have it on the disk.

        Raises:
            OSError: it is not.
        """
        self._end()
        os.fsync(self._file)

    def _end(self) -> None:
        self._is_over = True
        self._wanted.set()
        self._thread.join()

    def _flush(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()  # before it is asked whether all is over: that sets it once
            if self._is_over:
                return
            with suppress(OSError):  # the fsync at the end meets it again
                os.fdatasync(self._file)
