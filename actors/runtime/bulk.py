"""Bulk bytes between nodes, on connections of their own: mail is never stuck behind a file.

A node *offers* an open file and gets a `Ticket`, which it sends to another node as mail. Whoever
holds the ticket *fetches*: it dials the offering node's bulk port and asks for pieces, a few at a
time, each answered on its own; a piece that does not come is asked for again on a new connection.
CURVE keys are checked as for mail, and a ticket's id cannot be guessed.

Requests are ``READ id offset length``; answers ``DATA offset bytes`` or ``GONE text``. Numbers are
unsigned, big-endian, of 8 bytes.
"""

from __future__ import annotations

import logging
import os
import secrets
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import zmq

from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.runtime.wire_types import register

logger = logging.getLogger(__name__)

PIECE: Final = 1 << 20
WINDOW: Final = 4
STALL: Final = 10.0
OFFER_IDLE: Final = 120.0
_TELLING: Final = 1 << 16  # less says more about the round trip than about the bandwidth
_SILENCES: Final = 2
_POLL: Final = 0.5
_MAX_OFFERS: Final = 256

_REQUEST_FRAMES: Final = 2  # who asks, and for what
_READ: Final = struct.Struct(">16sQQ")
_OFFSET: Final = struct.Struct(">Q")

Progress = Callable[[int], None]


class BulkError(Exception):
    """The bytes could not be fetched."""


@register("bulk.ticket")
@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to fetch one offered file.

    Attributes:
        node: who offers it.
        port: the offering node's bulk port.
        id: 16 random bytes.
        size: how many bytes there are.
    """

    node: str
    port: int
    id: bytes
    size: int


@dataclass(slots=True)
class _Offer:
    descriptor: int
    size: int
    used: float


class BulkServer:
    """The offering side: one ROUTER, one thread.

    Args:
        node: this node's name.
        host: the address to bind, as for mail.
        keys: this node's CURVE keys.
        context: the ZeroMQ context in which the node's ZAP handler answers.
        admits: whether a key is admitted still; a connection outlives the expulsion of its key.
    """

    def __init__(
        self,
        node: str,
        host: str,
        keys: KeyPair,
        context: zmq.Context[zmq.Socket[bytes]],
        admits: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._node = node
        self._admits = admits
        self._lock = threading.Lock()
        self._offers: dict[bytes, _Offer] = {}
        self._closed = threading.Event()
        self._socket = context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.rcvtimeo = int(_POLL * 1000)
        self._socket.sndhwm = 2 * WINDOW
        self._socket.curve_server = True
        self._socket.curve_publickey = keys.public.encode()
        self._socket.curve_secretkey = keys.secret.encode()
        self.port: Final = self._socket.bind_to_random_port(f"tcp://{host}")
        self._context = context
        self._waker: Final = f"inproc://bulk-{id(self)}"
        self._socket.bind(self._waker)
        self._thread = threading.Thread(target=self._serve, name=f"bulk@{node}", daemon=True)
        self._thread.start()

    def offer(self, descriptor: int) -> Ticket:
        """Offer an open file, of which a duplicate is kept until `withdraw` or two idle minutes.

        Of 256 offers the one that was longest idle gives way to the next: who still wants it asks
        for a new one.

        Raises:
            OSError: this process has no descriptor left.
        """
        size = os.fstat(descriptor).st_size
        ticket = Ticket(self._node, self.port, secrets.token_bytes(16), size)
        with self._lock:
            if len(self._offers) >= _MAX_OFFERS:
                idle = min(self._offers, key=lambda each: self._offers[each].used)
                os.close(self._offers.pop(idle).descriptor)
            self._offers[ticket.id] = _Offer(os.dup(descriptor), size, time.monotonic())
        return ticket

    def withdraw(self, ticket: Ticket) -> None:
        """Offer it no more."""
        with self._lock:
            offer = self._offers.pop(ticket.id, None)
        if offer is not None:
            os.close(offer.descriptor)

    def close(self) -> None:
        """Withdraw everything and end the thread."""
        if self._closed.is_set():
            return
        self._closed.set()
        with self._context.socket(zmq.DEALER) as waker:
            waker.linger = 0  # the thread may end by itself just now, and never read this
            waker.connect(self._waker)
            with suppress(zmq.Again):
                waker.send(b"", zmq.NOBLOCK)
            self._thread.join(5)

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                frames = self._socket.recv_multipart(copy=False)
            except zmq.Again:
                self._expire(time.monotonic() - OFFER_IDLE)
                continue
            if self._closed.is_set():
                break
            if len(frames) == _REQUEST_FRAMES and self._admits(_key_of(frames[1])):
                self._answer(frames[0].bytes, frames[1].bytes)
        self._expire(float("inf"))
        self._socket.close()

    def _answer(self, identity: bytes, request: bytes) -> None:
        try:
            ticket, offset, length = _READ.unpack(request)
        except struct.error:
            logger.warning("bulk: a request of %d bytes is not one of ours", len(request))
            return
        with self._lock:
            offer = self._offers.get(ticket)
            if offer is None:
                answer = [b"GONE", b"the file is offered no more"]
            else:
                offer.used = time.monotonic()
                answer = _read(offer, offset, min(length, PIECE))
        try:
            self._socket.send_multipart([identity, *answer], zmq.NOBLOCK, copy=False)
        except zmq.Again:
            logger.warning("bulk: a fetching node takes no more; it will ask again")

    def _expire(self, before: float) -> None:
        with self._lock:
            idle = [ticket for ticket, offer in self._offers.items() if offer.used < before]
            for ticket in idle:
                os.close(self._offers.pop(ticket).descriptor)


def _key_of(frame: zmq.Frame) -> str:
    """The key that the sender of a frame has proved; empty where no door asks for one."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""


def _read(offer: _Offer, offset: int, length: int) -> list[bytes]:
    try:
        return [b"DATA", _OFFSET.pack(offset), os.pread(offer.descriptor, length, offset)]
    except (OSError, OverflowError) as error:  # an offset that no file has
        return [b"GONE", str(error).encode()]


class BulkClient:
    """The fetching side; safe from any thread, each fetch on a connection of its own.

    Args:
        keys: this node's CURVE keys.
        context: the node's ZeroMQ context.
        resolve: gives the address (no port) and the public key of a node by its name; raises
            BulkError where there is none.
        stall: seconds without a piece after which a connection counts as silent.
    """

    def __init__(
        self,
        keys: KeyPair,
        context: zmq.Context[zmq.Socket[bytes]],
        resolve: Callable[[str], tuple[str, str]],
        *,
        stall: float = STALL,
    ) -> None:
        self._stall = stall
        self._keys = keys
        self._context = context
        self._resolve = resolve
        self._bandwidth: dict[str, float] = {}

    def bandwidth(self, node: str) -> float | None:
        """Bytes a second, as the last large fetch or read from a node had; None before one."""
        return self._bandwidth.get(node)

    def fetch(self, ticket: Ticket, into: int, *, progress: Progress | None = None) -> None:
        """Fetch a whole file into an open one, and wait until it is there.

        Args:
            ticket: what to fetch.
            into: a descriptor open for writing, from its offset 0 on.
            progress: called with the number of bytes that have come so far.

        Raises:
            BulkError: it is offered no more, it shrank, or nothing came for 10 s twice in a row.
            OSError: it could not be written, as when the disk is full.
        """
        missing = {
            offset: min(PIECE, ticket.size - offset) for offset in range(0, ticket.size, PIECE)
        }
        began, silences = time.monotonic(), 0
        while True:
            before = len(missing)
            if self._fetch_some(ticket, into, missing, progress):
                break
            silences = silences + 1 if len(missing) == before else 1
            if silences == _SILENCES:
                left = sum(missing.values())
                raise BulkError(f"{ticket.node} stopped sending: {left} bytes are missing")
        if ticket.size >= PIECE:
            self._bandwidth[ticket.node] = ticket.size / (time.monotonic() - began)

    def read(self, ticket: Ticket, offset: int, length: int) -> bytes:
        """Read a piece of a file; shorter at its end.

        Raises:
            BulkError: it is offered no more, cannot be read, or nothing came for 10 s.
        """
        began = time.monotonic()
        with self._connection(ticket) as socket:
            try:
                socket.send(_READ.pack(ticket.id, offset, length))
                kind, *frames = socket.recv_multipart()
            except zmq.Again:
                raise BulkError(f"{ticket.node} sent nothing for {self._stall:g} s") from None
        if kind != b"DATA":
            raise BulkError(f"{ticket.node}: {frames[0].decode(errors='replace')}")
        if len(frames[1]) >= _TELLING:
            self._bandwidth[ticket.node] = len(frames[1]) / (time.monotonic() - began)
        return frames[1]

    def _fetch_some(
        self, ticket: Ticket, into: int, missing: dict[int, int], progress: Progress | None
    ) -> bool:
        """Fetch what is missing over one connection; False when it went silent."""
        with suppress(zmq.Again), self._connection(ticket) as socket:
            wanted = iter(list(missing.items()))
            for offset, length in (next(wanted, (0, 0)) for _ in range(WINDOW)):
                if length:
                    socket.send(_READ.pack(ticket.id, offset, length))
            while missing:
                kind, *frames = socket.recv_multipart(copy=False)
                if kind.bytes != b"DATA":
                    raise BulkError(f"{ticket.node}: {frames[0].bytes.decode(errors='replace')}")
                _write_piece(frames[1].buffer, into, _OFFSET.unpack(frames[0].bytes)[0], missing)
                if progress is not None:
                    progress(ticket.size - sum(missing.values()))
                offset, length = next(wanted, (0, 0))
                if length:
                    socket.send(_READ.pack(ticket.id, offset, length))
        return not missing

    @contextmanager
    def _connection(self, ticket: Ticket) -> Iterator[zmq.Socket[bytes]]:
        host, key = self._resolve(ticket.node)
        try:
            with self._context.socket(zmq.DEALER) as socket:
                socket.linger = 0
                # A door that turned us away leaves nobody to send to: that must not wait for ever.
                socket.rcvtimeo = socket.sndtimeo = int(self._stall * 1000)
                socket.curve_serverkey = key.encode()
                socket.curve_publickey = self._keys.public.encode()
                socket.curve_secretkey = self._keys.secret.encode()
                socket.connect(f"tcp://{host}:{ticket.port}")
                yield socket
        except zmq.Again:
            raise
        except zmq.ZMQError as error:
            raise BulkError(f"nothing more can be fetched from {ticket.node}: {error}") from error


def _write_piece(data: memoryview, into: int, offset: int, missing: dict[int, int]) -> None:
    if len(data) != missing.get(offset):
        raise BulkError(f"the file changed while it was fetched, near byte {offset}")
    written = 0
    while written < len(data):
        written += os.pwrite(into, data[written:], offset + written)
    del missing[offset]
