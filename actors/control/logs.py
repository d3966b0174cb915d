"""The verb ``logs``: what a computation printed, oldest first, on whichever hosts it ran.

Each host keeps what was printed there. A move tells how much its source had kept by then, so the
parts of a computation that comes back to a host stand in their order. Who follows is led on from
host to host.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.compute.computations import UnknownComputationError, is_living
from simulacra.actors.compute.computing import Described, Output, ReadOutput
from simulacra.actors.control.finding import Seen, ask_it, find, table
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_PIECE: Final = 1 << 20
_ASK: Final = 10.0
_ARRIVAL: Final = 10.0
_PAUSE: Final = 0.05

Piece = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stay:
    """A time that a computation spent on a host.

    Attributes:
        host: where.
        until: the position in the host's log at which it left; None for its end.
    """

    host: str
    until: int | None


def stays(described: Described) -> list[Stay]:
    """Where a computation has been, the present place last."""
    hosts = [*(move["source"] for move in described.moves), described.host]
    return [
        Stay(host, described.moves[at]["printed"] if host in hosts[at + 1 :] else None)
        for at, host in enumerate(hosts)
    ]


class Reading:
    """One reading of one computation's log."""

    def __init__(self, node: Node, call: Call, name: str) -> None:
        self._node = node
        self._call = call
        self._seen = find(node, name)
        self._stays = stays(self._seen.described)
        self._at: dict[str, int] = {}

    def kept(self) -> Iterator[Piece]:
        """What there is now."""
        for stay in self._stays[:-1]:
            yield from self._past(stay)
        while not (yield from self._present(wait=False)):
            yield from self._go_on(len(self._stays) - 1)

    def to_come(self) -> Iterator[Piece]:
        """What it prints until it has ended, here and elsewhere."""
        while not self._call.cancelled.is_set():
            is_read = yield from self._present(wait=True)
            before = len(self._stays)
            yield from self._go_on(before if is_read else before - 1)
            if is_read and len(self._stays) == before and not is_living(self._seen.described):
                return

    def _go_on(self, first: int) -> Iterator[Piece]:
        """Find it again; read what it printed from its stay ``first`` on, until it came there."""
        self._seen = self._wherever_it_is()
        self._stays = stays(self._seen.described)
        for stay in self._stays[first:-1]:
            yield from self._past(stay)

    def _past(self, stay: Stay) -> Iterator[Piece]:
        """What a host keeps of a computation that has left it."""
        party = self._seen.described.party
        while stay.until is None or self._position(stay.host) < stay.until:
            position = self._position(stay.host)
            limit = _PIECE if stay.until is None else min(_PIECE, stay.until - position)
            request = ReadOutput(party, position, limit)
            try:
                output: Output = table(self._node, stay.host).ask(request, timeout=_ASK)
            except (ActorDeadError, AskTimeoutError, UnknownComputationError) as error:
                lost = f"[simulacra] what it printed on {stay.host} cannot be read now: {error}\n"
                yield _piece(stay.host, lost.encode(), 0, stream="log")
                return
            yield from self._take(stay.host, output)
            if not output.data:
                return

    def _present(self, *, wait: bool) -> Generator[Piece, None, bool]:
        """What it prints where it is, until it ends or leaves; what is there, without ``wait``.

        Returns:
            Whether that was read; False where it left and came back meanwhile: what it printed
            elsewhere comes before the rest.
        """
        seen = self._seen
        host, party = seen.described.host, seen.described.party
        while not self._call.cancelled.is_set():
            request = ReadOutput(party, self._position(host), _PIECE, wait=wait)
            try:
                output: Output = table(self._node, host).ask(request, timeout=_ASK)
            except (ActorDeadError, AskTimeoutError, UnknownComputationError):
                output = ask_it(self._node, self._call, seen, request, _ASK)  # says what is wrong
            if output.epoch > seen.described.epoch:
                return False
            yield from self._take(host, output)
            if output.ended or not (output.data or wait):
                return True
        return True

    def _take(self, host: str, output: Output) -> Iterator[Piece]:
        self._at[host] = output.next
        if output.data or output.lost:
            yield _piece(host, output.data, output.lost)

    def _position(self, host: str) -> int:
        return self._at.get(host, 0)

    def _wherever_it_is(self) -> Seen:
        """The computation, which between two hosts is on neither for a moment."""
        deadline = time.monotonic() + _ARRIVAL
        while True:
            try:
                return find(self._node, self._seen.described.name)
            except GatewayError as error:
                if error.code is not ErrorCode.NOT_FOUND or time.monotonic() > deadline:
                    raise
            self._call.cancelled.wait(_PAUSE)


class Logs:
    """The verb ``logs``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def logs(self, call: Call) -> Iterator[object]:
        """What a computation printed, and with ``follow`` what it prints."""
        reading = Reading(self._node, call, call.arg("name", str))
        tail = call.arg("tail", int, None)
        yield from reading.kept() if tail is None else _last_lines(reading.kept(), tail)
        if call.arg("follow", bool, False):
            yield from reading.to_come()


def _last_lines(pieces: Iterator[Piece], count: int) -> Iterator[Piece]:
    last: Piece | None = None
    data = b""
    for last in pieces:
        data = b"".join((data + last["data"]).splitlines(keepends=True)[-count:] if count else [])
    if last is not None:
        yield _piece(last["host"], data, 0)


def _piece(host: str, data: bytes, dropped: int, stream: str = "stdout") -> Piece:
    return {"time": time.time(), "host": host, "stream": stream, "data": data, "dropped": dropped}
