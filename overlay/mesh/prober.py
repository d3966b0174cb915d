"""Numbered probes over the overlay: sends them, answers those of others, and tells what came.

One thread, with a socket for each device that sends and hears by that device alone, whatever the
routes say. An answer goes back by the device that its question came in by. Every packet says how
long the round trip was when its sender last measured it, so that the other side need not ask too.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from simulacra.overlay.plan.document import PROBES

_PACKET: Final = struct.Struct("!4sBIdf")
_MAGIC: Final = b"sim\x01"
_QUESTION: Final = 0
_ANSWER: Final = 1
_KEPT: Final = 4096
_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a probe of this host's.

    Attributes:
        device: by which it came.
        address: from whom.
        number: of the probe.
        trip: seconds there and back.
    """

    device: str
    address: str
    number: int
    trip: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A probe of another host, which has been answered.

    Attributes:
        trip: seconds there and back, as that host measured it; None before it did.
    """

    device: str
    address: str
    trip: float | None


Heard = Answered | Asked


class Prober:
    """Sends and answers probes, from the moment this is made until `close`.

    Args:
        address: this host's in the overlay.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._sockets: dict[str, socket.socket] = {}
        self._heard: deque[Heard] = deque(maxlen=_KEPT)
        self._selector = selectors.DefaultSelector()
        self._bell, self._button = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ, "")
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="simulacra-prober", daemon=True)
        self._thread.start()

    def use(self, devices: Iterable[str]) -> None:
        """Have a socket for each of these devices, which are there and up, and for no others.

        Raises:
            OSError: one cannot be had.
        """
        wanted = set(devices)
        with self._lock:
            for device in self._sockets.keys() - wanted:
                self._selector.unregister(self._sockets[device])
                self._sockets.pop(device).close()
            for device in wanted - self._sockets.keys():
                self._sockets[device] = opened = _open(device, self._address)
                self._selector.register(opened, selectors.EVENT_READ, device)
        self._button.send(b"!")

    def send(self, device: str, address: str, number: int, trip: float | None) -> None:
        """Send a probe; one that cannot leave is lost, as others are."""
        told = math.nan if trip is None else trip
        packet = _PACKET.pack(_MAGIC, _QUESTION, number, time.monotonic(), told)
        with self._lock, contextlib.suppress(OSError, KeyError):
            self._sockets[device].sendto(packet, (address, PROBES))

    def drain(self) -> list[Heard]:
        """What was heard since the last call; of very much the latest."""
        found = []
        with contextlib.suppress(IndexError):
            while True:
                found.append(self._heard.popleft())
        return found

    def close(self) -> None:
        """End the thread and all sockets."""
        self._closing = True
        self._button.send(b"!")
        self._thread.join(5.0)
        for each in (*self._sockets.values(), self._bell, self._button):
            each.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                if key.data:
                    with contextlib.suppress(OSError):
                        self._read(key.data, key.fileobj)  # type: ignore[arg-type]
                else:
                    self._bell.recv(64)

    def _read(self, device: str, opened: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                packet, sender = opened.recvfrom(2048)
            except BlockingIOError:
                return
            now = time.monotonic()
            if len(packet) != _PACKET.size:
                continue
            magic, kind, number, at, trip = _PACKET.unpack(packet)
            if magic != _MAGIC:
                continue
            if kind == _ANSWER:
                self._heard.append(Answered(device, sender[0], number, max(0.0, now - at)))
            elif kind == _QUESTION:
                opened.sendto(_PACKET.pack(_MAGIC, _ANSWER, number, at, trip), sender)
                # Whoever pings by hand is no measure of a device.
                if sender[1] == PROBES:
                    told = None if math.isnan(trip) else float(trip)
                    self._heard.append(Asked(device, sender[0], told))


def _open(device: str, address: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        opened.bind((address, PROBES))
        opened.setblocking(False)
    except BaseException:
        opened.close()
        raise
    return opened


def ping(address: str, number: int, patience: float) -> float | None:
    """Probe an address once, by the way that everything takes; the round trip, None for no answer.

    Raises:
        OSError: nothing can be sent there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        began = time.monotonic()
        opened.connect((address, PROBES))
        opened.send(_PACKET.pack(_MAGIC, _QUESTION, number, began, math.nan))
        opened.settimeout(patience)
        with contextlib.suppress(TimeoutError):
            opened.recv(2048)
            return time.monotonic() - began
    return None
