"""The porch: takes connections from anybody, few at a time, and hands their bytes to the door.

libzmq accepts whoever connects, as many as there are descriptors, which the node needs for its
peers. So the door's own socket is reached through the porch only: a TCP listener that closes at
once what the `Turnstile` does not let pass, and copies bytes both ways for the others, with a bound
on what a visitor may send, on what is held for it, and on its time.
"""

from __future__ import annotations

import logging
import selectors
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from simulacra.actors.cluster.turnstile import Turnstile

logger = logging.getLogger(__name__)

LIFE: Final = 30.0
"""Seconds that a visitor may stay."""
SENT_LIMIT: Final = 64 * 1024
"""Bytes that a visitor may send in all."""
_PIECE: Final = 64 * 1024
_BACKLOG: Final = 128
_REST: Final = 0.5
"""Seconds without accepting, when there is no descriptor left to accept with."""
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@dataclass(eq=False)
class _Pipe:
    """Bytes on their way from one socket to another; reads no more before the last are written."""

    source: socket.socket
    target: socket.socket
    left: int | None = None
    waiting: bytes = b""

    def wants(self) -> tuple[socket.socket, int]:
        return (self.target, WRITE) if self.waiting else (self.source, READ)

    def pump(self) -> bool:
        """Go on; False at the end."""
        with suppress(BlockingIOError):
            if not self.waiting:
                self.waiting = self.source.recv(_PIECE)
                if not self.waiting:
                    return False
                if self.left is not None:
                    self.left -= len(self.waiting)
                    if self.left < 0:
                        return False
            self.waiting = self.waiting[self.target.send(self.waiting) :]
        return True


@dataclass(eq=False)
class _Visitor:
    address: str
    ends: float
    outer: socket.socket
    inner: socket.socket
    pipes: tuple[_Pipe, _Pipe] = field(init=False)

    def __post_init__(self) -> None:
        self.pipes = (_Pipe(self.outer, self.inner, SENT_LIMIT), _Pipe(self.inner, self.outer))


class Porch:
    """Not a thread: whoever has it calls `turn` again and again.

    Args:
        listener: a TCP socket that listens.
        inner: the address of the Unix socket behind the door.
        turnstile: who may pass.
        life: seconds that a visitor may stay.
    """

    def __init__(
        self,
        listener: socket.socket,
        inner: bytes,
        turnstile: Turnstile,
        *,
        life: float = LIFE,
    ) -> None:
        self.turnstile = turnstile
        self._listener = listener
        self._inner = inner
        self._life = life
        self._visitors: list[_Visitor] = []
        self._rests_until: float | None = None

    def wants(self) -> dict[int, int]:
        """The descriptors to poll, each with the `READ` and `WRITE` that it waits for."""
        wanted = {} if self._rests_until is not None else {self._listener.fileno(): READ}
        for visitor in self._visitors:
            for pipe in visitor.pipes:
                end, event = pipe.wants()
                wanted[end.fileno()] = wanted.get(end.fileno(), 0) | event
        return wanted

    def turn(self, ready: dict[int, int], now: float) -> None:
        """Go on with what is ready, and send away whose time is over.

        Args:
            ready: descriptors with the events that came.
            now: seconds, of a clock that only goes forward.
        """
        for visitor in list(self._visitors):
            if now > visitor.ends or not _pumped(visitor, ready):
                self._send_away(visitor)
        if self._listener.fileno() in ready:
            self._accept(now)
        if self._rests_until is not None and now >= self._rests_until:
            self._rests_until = None

    def deadline(self) -> float | None:
        """When to call `turn` although nothing is ready."""
        ends = [visitor.ends for visitor in self._visitors]
        return min(
            [*ends, *([] if self._rests_until is None else [self._rests_until])], default=None
        )

    def _accept(self, now: float) -> None:
        for _ in range(_BACKLOG):  # and then it is others' turn
            try:
                outer, (address, *_rest) = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # gone already, or no descriptor is left
                logger.warning("door: a connection was not accepted: %s", error)
                self._rests_until = now + _REST
                return
            if self.turnstile.enter(address, now):
                self._let_stand(outer, address, now)
            else:
                outer.close()

    def _let_stand(self, outer: socket.socket, address: str, now: float) -> None:
        inner = socket.socket(socket.AF_UNIX)
        try:
            outer.setblocking(False)
            inner.setblocking(False)
            inner.connect(self._inner)
        except OSError as error:
            logger.warning("door: %s cannot be served: %s", address, error)
            outer.close()
            inner.close()
            self.turnstile.leave(address)
            return
        self._visitors.append(_Visitor(address, now + self._life, outer, inner))

    def _send_away(self, visitor: _Visitor) -> None:
        self._visitors.remove(visitor)
        visitor.outer.close()
        visitor.inner.close()
        self.turnstile.leave(visitor.address)

    def close(self) -> None:
        """Send everybody away, and listen no more."""
        for visitor in list(self._visitors):
            self._send_away(visitor)
        self._listener.close()


def _pumped(visitor: _Visitor, ready: dict[int, int]) -> bool:
    """Go on with one visitor's bytes; False when it is done with or broken."""
    try:
        for pipe in visitor.pipes:
            end, event = pipe.wants()
            # What is neither READ nor WRITE is an error, which the call brings out.
            wanted = event | ~(READ | WRITE)
            if ready.get(end.fileno(), 0) & wanted and not pipe.pump():
                return False
    except OSError:
        return False
    return True


def listen(bind: str, port: int) -> socket.socket:
    """A listener for a porch.

    Args:
        bind: the address, IPv4 or IPv6.
        port: the port, 0 for any.

    Raises:
        OSError: it cannot be bound.
    """
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    listener = socket.create_server((bind, port), family=family, backlog=_BACKLOG)
    listener.setblocking(False)
    return listener
