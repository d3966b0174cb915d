"""The offering side of bulk: one thread that accepts, and one for each line (see `bulk`).

At each question of a line the key of its other end must still be admitted: a line outlives the
expulsion of its key. A line that is silent for a minute is closed.
"""

from __future__ import annotations

import logging
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Final

from simulacra.actors.runtime.bulk import (
    ANSWER,
    DATA,
    GONE,
    LINE_IDLE,
    PIECE,
    QUESTION,
    STALL,
    TICKET_SIZE,
    Ticket,
)
from simulacra.actors.runtime.bulk_line import Line, LineError, abort
from simulacra.actors.runtime.bulk_offers import Offers, Parts
from simulacra.actors.runtime.keys import KeyPair

logger = logging.getLogger(__name__)

_OFFER_IDLE: Final = 120.0
_MAX_LINES: Final = 128
_HANDSHAKE: Final = 5.0
_LOOK_EVERY: Final = 1.0

Taker = Callable[[Line], None]
"""Talks over a line that was asked for, in the line's thread, which may end as this returns."""


class BulkServer:
    """The offering side: one thread that accepts, and one for each line.

    There are at most 128 lines: who comes when all are in use, or when this process has no thread
    left, is turned away, and tries again.

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
        ticket = Ticket(self._node, self.port, secrets.token_bytes(TICKET_SIZE), 0)
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
                self._offers.expire(time.monotonic() - _OFFER_IDLE)
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
            problem = f"{_MAX_LINES} lines are in use" if len(self._lines) >= _MAX_LINES else ""
            if not problem:
                self._lines[thread] = connection
                problem = _start(thread)
            if problem:
                self._lines.pop(thread, None)
                connection.close()
        if problem:
            logger.warning("bulk: %s is turned away: %s", address[0], problem)

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


def _start(thread: threading.Thread) -> str:
    """Start a thread; why not, where the process has none left to give."""
    try:
        thread.start()
    except RuntimeError as error:
        return str(error)
    return ""


def _listen(host: str, port: int) -> socket.socket:
    if host in ("*", "0.0.0.0", ""):  # noqa: S104 - compared
        return socket.create_server(("", port), backlog=_MAX_LINES)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_MAX_LINES)
