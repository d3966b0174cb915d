"""A line between two hosts of this machine that notes when how many bytes went over it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import accumulate

BETWEEN = "127.0.0.2"
"""Where it listens, on the port of what it leads to."""


class Counted:
    """A line to a port of 127.0.0.1, at 127.0.0.2.

    Attributes:
        came: times of the monotonic clock, and how many bytes came from there then.
    """

    def __init__(self, port: int) -> None:
        self.came: list[tuple[float, int]] = []
        self._port = port
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server((BETWEEN, port))
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def most(self, seconds: float) -> int:
        """The most bytes that came within so many seconds."""
        sums = list(accumulate((size for _, size in self.came), initial=0))
        most = first = 0
        for last, (at, _) in enumerate(self.came):
            while self.came[first][0] < at - seconds:
                first += 1
            most = max(most, sums[last + 1] - sums[first])
        return most

    def close(self) -> None:
        """End it, and all that goes over it."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        for end in self._ends:
            with suppress(OSError):  # Its other end was faster.
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in (*self._ends, self._listener):
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):  # It is closed.
            while True:
                near, _ = self._listener.accept()
                self._ends.append(near)
                far = socket.create_connection(("127.0.0.1", self._port))
                self._ends.append(far)
                self._begin(near, far, [])
                self._begin(far, near, self.came)

    def _begin(self, *carried: object) -> None:
        self._threads.append(threading.Thread(target=_carry, args=carried))
        self._threads[-1].start()


def _carry(source: socket.socket, target: socket.socket, came: list[tuple[float, int]]) -> None:
    with suppress(OSError):  # It is closed.
        while data := source.recv(1 << 16):
            came.append((time.monotonic(), len(data)))
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def counted_line(port: int) -> Iterator[Counted]:
    """A line that ends with the block."""
    counted = Counted(port)
    try:
        yield counted
    finally:
        counted.close()
