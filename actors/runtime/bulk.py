"""Bulk bytes between nodes, on connections of their own: mail is never stuck behind a file.

A node *offers* an open file and gets a `Ticket`, which it sends to another node as mail. Whoever
holds the ticket *fetches* (see `bulk_client`): it dials the offering node's bulk port and asks for
pieces, a few at a time, each answered on its own. The lines prove both nodes' keys and are
encrypted (see `bulk_line`). At each question the key must still be admitted, and a ticket's id
cannot be guessed.

Questions are ``id offset length`` with 16, 8 and 4 bytes; answers ``D offset bytes``, where the
offset has 8 bytes, or ``G text`` where the file is offered no more. Numbers are unsigned,
big-endian.

A node may also offer to *talk*: who has the ticket sends its id alone, and from then on the line is
the offering node's taker's, for frames of its own, until that returns.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulacra.actors.runtime.bulk_line import Line, LineError, abort
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.runtime.wire_types import register

logger = logging.getLogger(__name__)

PIECE: Final = 1 << 20
STALL: Final = 10.0
OFFER_IDLE: Final = 120.0
LINE_IDLE: Final = 60.0

QUESTION: Final = struct.Struct(">16sQI")
ANSWER: Final = struct.Struct(">cQ")
TICKET_SIZE: Final = 16
DATA: Final = b"D"
GONE: Final = b"G"

_MAX_OFFERS: Final = 256
_MAX_LINES: Final = 128
_HANDSHAKE: Final = 5.0
_LOOK_EVERY: Final = 1.0


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


class Offers:
    """The files that a node offers, by the ids of their tickets; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offers: dict[bytes, _Offer] = {}

    def add(self, descriptor: int) -> tuple[bytes, int]:
        """Offer a duplicate of a descriptor; its id and its size in bytes.

        Raises:
            OSError: this process has no descriptor left.
        """
        size, ticket = os.fstat(descriptor).st_size, secrets.token_bytes(16)
        with self._lock:
            if len(self._offers) >= _MAX_OFFERS:
                idle = min(self._offers, key=lambda each: self._offers[each].used)
                os.close(self._offers.pop(idle).descriptor)
            self._offers[ticket] = _Offer(os.dup(descriptor), size, time.monotonic())
        return ticket, size

    def remove(self, ticket: bytes) -> None:
        """Offer it no more; no error where it is not offered."""
        with self._lock:
            offer = self._offers.pop(ticket, None)
        if offer is not None:
            os.close(offer.descriptor)

    def borrow(self, ticket: bytes) -> int | None:
        """A descriptor of the file for the caller to close; None where it is not offered."""
        with self._lock:
            offer = self._offers.get(ticket)
            if offer is None:
                return None
            offer.used = time.monotonic()
            return os.dup(offer.descriptor)

    def expire(self, before: float) -> None:
        """Offer no more what was last used before a time of the monotonic clock."""
        with self._lock:
            idle = [ticket for ticket, offer in self._offers.items() if offer.used < before]
            for ticket in idle:
                os.close(self._offers.pop(ticket).descriptor)


Taker = Callable[[Line], None]
"""Talks over a line that was asked for, in the line's thread, which may end as this returns."""


class BulkServer:
    """The offering side: one thread that accepts, and one for each line.

    There are at most 128 lines: who comes when all are in use is turned away, and tries again.

    Args:
        node: this node's name.
        host: the address to bind, as for mail.
        keys: this node's own.
        admits: whether a key is admitted; asked at each question, as a line outlives the expulsion
            of its key.
    """

    def __init__(self, node: str, host: str, keys: KeyPair, admits: Callable[[str], bool]) -> None:
        self._node, self._keys, self._admits = node, keys, admits
        self._offers = Offers()
        self._takers: dict[bytes, Taker] = {}
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._lines: dict[threading.Thread, socket.socket] = {}
        self._listener = _listen(host)
        self._listener.settimeout(_LOOK_EVERY)
        self.port: Final = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name=f"bulk@{node}", daemon=True)
        self._thread.start()

    def offer(self, descriptor: int) -> Ticket:
        """Offer an open file, of which a duplicate is kept until `withdraw` or two idle minutes.

        Of 256 offers the one that was longest idle gives way to the next: who still wants it asks
        for a new one.

        Raises:
            OSError: this process has no descriptor left.
        """
        ticket, size = self._offers.add(descriptor)
        return Ticket(self._node, self.port, ticket, size)

    def await_line(self, taker: Taker) -> Ticket:
        """Offer to talk, to the first that comes; the caller withdraws where nobody does.

        Args:
            taker: is given the line.
        """
        ticket = Ticket(self._node, self.port, secrets.token_bytes(16), 0)
        with self._lock:
            self._takers[ticket.id] = taker
        return ticket

    def withdraw(self, ticket: Ticket) -> bool:
        """Offer it no more; whether a line to talk was still awaited."""
        self._offers.remove(ticket.id)
        with self._lock:
            return self._takers.pop(ticket.id, None) is not None

    def close(self) -> None:
        """Withdraw everything, close all lines and end all threads."""
        self._closed.set()
        abort(self._listener)
        self._thread.join(5)
        with self._lock:
            lines = dict(self._lines)
            for connection in lines.values():
                abort(connection)
        deadline = time.monotonic() + 5.0  # a disk that hangs must not keep the node from closing
        for thread in lines:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._offers.expire(float("inf"))

    # -- lines

    def _accept(self) -> None:
        with self._listener:
            while not self._closed.is_set():
                self._offers.expire(time.monotonic() - OFFER_IDLE)
                try:
                    connection, address = self._listener.accept()
                except TimeoutError:
                    continue
                except OSError as error:
                    if not self._closed.wait(0.1):
                        logger.warning("bulk: no connection could be accepted: %s", error)
                else:
                    self._begin(connection, address)

    def _begin(self, connection: socket.socket, address: tuple[str, int]) -> None:
        name = f"bulk@{self._node}:{address[0]}:{address[1]}"
        thread = threading.Thread(target=self._serve, args=(connection,), name=name, daemon=True)
        with self._lock:
            full = len(self._lines) >= _MAX_LINES
            if not full:
                self._lines[thread] = connection
        if full:
            logger.warning("bulk: %s is turned away: %d lines are in use", address[0], _MAX_LINES)
            connection.close()
        else:
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            line = Line.answer(connection, self._keys, _HANDSHAKE)
            self._answer_all(line)
        except LineError as error:
            logger.debug("bulk: a line has ended: its other end %s", error)
        finally:
            with self._lock:  # not while `close` still has to do with its number
                del self._lines[threading.current_thread()]
                connection.close()

    def _answer_all(self, line: Line) -> None:
        room = bytearray(ANSWER.size + PIECE)
        question = line.receive()  # which proves the key: until then there is little patience
        line.patience(receiving=LINE_IDLE, sending=STALL)
        while self._admits(line.key):
            if len(question) == TICKET_SIZE:
                self._talk(line, question)
                return
            try:
                ticket, offset, length = QUESTION.unpack(question)
            except struct.error:
                logger.warning("bulk: a question of %d bytes is not one of ours", len(question))
                return
            line.send(self._answer(ticket, offset, min(length, PIECE), room))
            question = line.receive()
        logger.warning("bulk: the key %s is not admitted, its line ends", line.key)

    def _talk(self, line: Line, ticket: bytes) -> None:
        with self._lock:
            taker = self._takers.pop(ticket, None)
        if taker is None:
            line.send(GONE + b"nobody waits there any more")
        else:
            line.send(DATA)
            taker(line)

    def _answer(self, ticket: bytes, offset: int, length: int, room: bytearray) -> memoryview:
        """The answer, put together in ``room``."""
        try:
            descriptor = self._offers.borrow(ticket)
            if descriptor is None:
                return memoryview(GONE + b"the file is offered no more")
            try:
                view = memoryview(room)[: ANSWER.size + length]
                ANSWER.pack_into(room, 0, DATA, offset)
                return view[: ANSWER.size + os.preadv(descriptor, [view[ANSWER.size :]], offset)]
            finally:
                os.close(descriptor)
        except (OSError, OverflowError) as error:  # an offset that no file has
            return memoryview(GONE + str(error).encode())


def _listen(host: str) -> socket.socket:
    if host in ("*", "0.0.0.0", ""):  # noqa: S104 - compared
        return socket.create_server(("", 0), backlog=_MAX_LINES)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family, backlog=_MAX_LINES)
