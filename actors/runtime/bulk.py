"""Bulk bytes between nodes, on connections of their own: mail is never stuck behind a file.

A node *offers* an open file, or parts of one, and gets a `Ticket`, which it sends to another node
as mail. Whoever holds the ticket *fetches* (see `bulk_client`): it dials the offering node's bulk
port and asks for pieces, a few at a time, each answered on its own. The lines prove both nodes'
keys and are encrypted (see `bulk_line`). At each question the key must still be admitted, and a
ticket's id cannot be guessed.

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
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
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

Parts = Sequence[Sequence[int]]

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
    """Parts of a file, given by offsets and lengths, that are offered as one sequence of bytes."""

    descriptor: int
    parts: Parts
    used: float = field(default_factory=time.monotonic)
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.starts = list(accumulate((length for _, length in self.parts), initial=0))

    @property
    def size(self) -> int:
        return self.starts[-1]

    def read_into(self, view: memoryview, descriptor: int, offset: int) -> int:
        """Read what is offered from an offset on; fewer bytes than wanted where the file ends."""
        done = 0
        for number in range(max(0, bisect_right(self.starts, offset) - 1), len(self.parts)):
            start, length = self.parts[number]
            skipped = offset + done - self.starts[number]
            wanted = view[done : done + length - skipped]
            while wanted and (read := os.preadv(descriptor, [wanted], start + skipped)):
                done, skipped, wanted = done + read, skipped + read, wanted[read:]
            if wanted or done == len(view):
                break
        return done


class Offers:
    """The files that a node offers, by the ids of their tickets; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offers: dict[bytes, _Offer] = {}

    def add(self, descriptor: int, parts: Parts | None = None) -> tuple[bytes, int]:
        """Offer a duplicate of a descriptor; the offer's id and its size in bytes.

        Raises:
            OSError: this process has no descriptor left.
        """
        if parts is None:
            parts = [(0, os.fstat(descriptor).st_size)]
        offer, ticket = _Offer(os.dup(descriptor), parts), secrets.token_bytes(16)
        with self._lock:
            if len(self._offers) >= _MAX_OFFERS:
                idle = min(self._offers, key=lambda each: self._offers[each].used)
                os.close(self._offers.pop(idle).descriptor)
            self._offers[ticket] = offer
        return ticket, offer.size

    def remove(self, ticket: bytes) -> None:
        """Offer it no more; no error where it is not offered."""
        with self._lock:
            offer = self._offers.pop(ticket, None)
        if offer is not None:
            os.close(offer.descriptor)

    def read_into(self, view: memoryview, ticket: bytes, offset: int) -> int | None:
        """Read from an offset on; None where it is not offered, fewer bytes where it is over.

        Raises:
            OSError: it cannot be read.
            OverflowError: no file has such an offset, though the offer says so.
        """
        with self._lock:
            offer = self._offers.get(ticket)
            if offer is None:
                return None
            offer.used = time.monotonic()
            descriptor = os.dup(offer.descriptor)  # `remove` may close the offer's own
        try:
            return offer.read_into(view, descriptor, offset)
        finally:
            os.close(descriptor)

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
        port: where to listen; 0 for any port that is free.

    Raises:
        OSError: it cannot listen there.
    """

    def __init__(
        self, node: str, host: str, keys: KeyPair, admits: Callable[[str], bool], port: int = 0
    ) -> None:
        self._node, self._keys, self._admits = node, keys, admits
        self._offers = Offers()
        self._takers: dict[bytes, Taker] = {}
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._lines: dict[threading.Thread, socket.socket] = {}
        self._listener = _listen(host, port)
        self._listener.settimeout(_LOOK_EVERY)
        self.port: Final = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name=f"bulk@{node}", daemon=True)
        self._thread.start()

    def offer(self, descriptor: int, parts: Parts | None = None) -> Ticket:
        """Offer an open file, of which a duplicate is kept until `withdraw` or two idle minutes.

        Of 256 offers the one that was longest idle gives way to the next: who still wants it asks
        for a new one.

        Args:
            descriptor: the file.
            parts: the offsets and lengths of what is offered, in order; None for all of it.

        Raises:
            OSError: this process has no descriptor left.
        """
        ticket, size = self._offers.add(descriptor, parts)
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
            view = memoryview(room)[: ANSWER.size + length]
            size = self._offers.read_into(view[ANSWER.size :], ticket, offset)
            if size is None:
                return memoryview(GONE + b"the file is offered no more")
            ANSWER.pack_into(room, 0, DATA, offset)
            return view[: ANSWER.size + size]
        except (OSError, OverflowError) as error:  # an offset that no file has
            return memoryview(GONE + str(error).encode())


def _listen(host: str, port: int) -> socket.socket:
    if host in ("*", "0.0.0.0", ""):  # noqa: S104 - compared
        return socket.create_server(("", port), backlog=_MAX_LINES)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_MAX_LINES)
