"""Latency: packets of a link are held in memory for a time, and then put on the receiver's cable.

Kernels without netem have nothing that delays. So a thread reads what a host sends at the bridge's
end of its cable (where the bridge is told to drop it), and writes it, later, to the end of the
receiver's cable, through the queue of a slow link if there is one. Frames keep the header in which
the kernel says which sums and which cutting to size are still to be done, so that TCP's big pieces
pass whole. At most `MOST` frames are held; more are lost, as in a full queue, and counted.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Final

from simulacra.testing.lab.plan import LabError
from simulacra.testing.lab.wiring import Held

MOST: Final = 20_000
"""Frames that are held at most."""

_ALL_PROTOCOLS: Final = 3
_PACKET: Final = 263
_VIRTUAL_HEADER: Final = 15
_IGNORE_OUTGOING: Final = 23
_FORCED_RECEIVE_BUFFER: Final = 33
_BUFFER: Final = 8 << 20
_HEADER: Final = 10
_FRAME: Final = 1 << 17
_AT_ONCE: Final = 64


class Holder:
    """The thread that holds packets back; it does nothing until it is told links.

    Attributes:
        lost: frames that found no room.
    """

    def __init__(self) -> None:
        self.lost = 0
        self._links: Sequence[Held] = ()
        self._failure: OSError | None = None
        self._changed = threading.Event()
        self._done = threading.Event()
        self._bell, self._button = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="holder", daemon=True)
        self._thread.start()

    def hold(self, links: Sequence[Held]) -> None:
        """Hold back these links' packets from now on, and no others; return when it is so.

        Raises:
            LabError: they cannot be held back.
        """
        self._links = links
        self._done.clear()
        self._changed.set()
        self._button.send(b"!")
        if not self._done.wait(5.0):
            raise LabError("the thread that holds packets back does not answer")
        if self._failure is not None:
            raise LabError(f"packets cannot be held back: {self._failure}")

    def _run(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            with contextlib.ExitStack() as opened:
                try:
                    holding = _Holding(self, self._links, opened)
                except OSError as error:
                    self._failure = error
                    self._done.set()
                    continue
                self._failure = None
                self._done.set()
                holding.run(self._bell, self._changed)


class _Holding:
    """The sockets of a set of links, and what is under way on them."""

    def __init__(self, holder: Holder, links: Sequence[Held], opened: contextlib.ExitStack) -> None:
        self._holder = holder
        self._waiting: list[tuple[float, int, socket.socket, bytes]] = []
        self._count = 0
        self._selector = opened.enter_context(selectors.DefaultSelector())
        sources: dict[str, list[tuple[Held, bytes, socket.socket]]] = {}
        for link in links:
            exit_ = opened.enter_context(_open(link.target_port, 0))
            exit_.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, link.priority)
            mac = bytes.fromhex(link.target_mac.replace(":", ""))
            sources.setdefault(link.source_port, []).append((link, mac, exit_))
        for port, exits in sources.items():
            entry = opened.enter_context(_open(port, _ALL_PROTOCOLS))
            self._selector.register(entry, selectors.EVENT_READ, exits)

    def run(self, bell: socket.socket, changed: threading.Event) -> None:
        """Hold and let go until other links are to be held."""
        self._selector.register(bell, selectors.EVENT_READ)
        while not changed.is_set():
            for key, _ in self._selector.select(self._pause()):
                if key.fileobj is bell:
                    bell.recv(64)
                else:
                    self._take(key)
            self._let_go()

    def _pause(self) -> float | None:
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None

    def _take(self, key: selectors.SelectorKey) -> None:
        entry = key.fileobj
        assert isinstance(entry, socket.socket)  # noqa: S101 (what was registered)
        for _ in range(_AT_ONCE):
            try:
                frame = entry.recv(_FRAME)
            except BlockingIOError:
                return
            except OSError:  # the port is down for a moment
                return
            now = time.monotonic()
            target = frame[_HEADER : _HEADER + 6]
            for link, mac, exit_ in key.data:
                if target[0] & 1 or target == mac:
                    self._hold(link, exit_, frame, now)

    def _hold(self, link: Held, exit_: socket.socket, frame: bytes, now: float) -> None:
        if len(self._waiting) >= MOST:
            self._holder.lost += 1
        elif random.random() >= link.loss:  # noqa: S311 (weather)
            self._count += 1
            heappush(self._waiting, (now + link.latency, self._count, exit_, frame))

    def _let_go(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, exit_, frame = heappop(self._waiting)
            # A cable that is pulled, a host that is dead, a queue that is full: it is lost.
            with contextlib.suppress(OSError):
                exit_.send(frame)


def _open(port: str, protocol: int) -> socket.socket:
    """A socket for the frames of a port; with protocol 0 for sending only."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        opened.setsockopt(_PACKET, _VIRTUAL_HEADER, 1)
        opened.setsockopt(_PACKET, _IGNORE_OUTGOING, 1)
        opened.setsockopt(socket.SOL_SOCKET, _FORCED_RECEIVE_BUFFER, _BUFFER)
        opened.setblocking(False)
        opened.bind((port, protocol))
    except BaseException:
        opened.close()
        raise
    return opened
