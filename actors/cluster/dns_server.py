"""A DNS server for the network's zone, over UDP and TCP, in one thread.

It answers from a table that it asks for anew with each question, and so does as long as this node
runs, whoever is master. More than the limits allow is dropped (UDP) or closed (TCP) and counted;
what is no question is answered FORMERR, and if it has not even a header, not at all. A TCP
connection is closed when it is silent for `IDLE` seconds, or after `QUESTIONS` questions.
"""

from __future__ import annotations

import logging
import selectors
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import dns.rcode

from simulacra.actors.cluster.dns_zone import Table, Zone, fail, read_query, refuse, to_wire
from simulacra.actors.cluster.turnstile import Limits, Turnstile

logger = logging.getLogger(__name__)

PORT: Final = 7453
"""Where resolvers are pointed at, unless said otherwise."""
IDLE: Final = 5.0
QUESTIONS: Final = 100
LIMITS: Final = Limits(
    open_each=16, open_all=64, burst_each=500, burst_all=2000, rate_each=200.0, rate_all=1000.0
)
_AT_ONCE: Final = 32
_TRIES: Final = 20
_REST: Final = 0.5
"""Seconds without accepting, when there is no descriptor left to accept with."""
_LONGEST: Final = 65535
_LENGTH: Final = struct.Struct(">H")
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@dataclass(eq=False)
class _Stream:
    """One TCP connection; it is read only while there is nothing left to write."""

    socket: socket.socket
    address: str
    silent_at: float
    read: bytes = b""
    unsent: bytes = b""
    questions: int = 0


class DnsServer:
    """See the module.

    Args:
        network: the network's name, which is the zone.
        here: this host's name.
        table: what there is to tell now; called in the server's thread.
        bind: the IP address to listen on; other machines reach nothing at the default.
        port: the port, 0 for any.
        limits: how much it bears.
        idle: seconds that a TCP connection may be silent.

    Attributes:
        port: where it listens, by UDP and by TCP.
        answers: how many there were of each code, and of what was no question.

    Raises:
        OSError: it cannot listen there.
    """

    def __init__(
        self,
        network: str,
        here: str,
        table: Callable[[], Table],
        *,
        bind: str = "127.0.0.1",
        port: int = 0,
        limits: Limits = LIMITS,
        idle: float = IDLE,
    ) -> None:
        self.answers: Counter[str] = Counter()
        self._zone = Zone(network, here)
        self._table = table
        self._idle = idle
        self._turnstile = Turnstile(limits)
        self._streams: set[_Stream] = set()
        self._rests_until: float | None = None
        self._udp, self._tcp = _listen(bind, port)
        self.port: int = self._udp.getsockname()[1]
        self._waker, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for each in (self._udp, self._tcp, self._waker):
            each.setblocking(False)
            self._selector.register(each, _READ)
        self._thread = threading.Thread(target=self._serve, name="simulacra-dns", daemon=True)
        self._thread.start()

    @property
    def turned_away(self) -> int:
        """Questions and connections that were more than the limits allow, so far."""
        return self._turnstile.turned_away

    def close(self) -> None:
        """Stop answering, and wait for the thread."""
        self._wake.close()
        self._thread.join(5.0)

    # -- in the server's thread

    def _serve(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            for stream in list(self._streams):
                self._hang_up(stream)
            self._selector.close()
            for each in (self._udp, self._tcp, self._waker):
                each.close()

    def _turn(self) -> bool:
        for key, _ in self._selector.select(self._wait()):
            if key.fileobj is self._waker:
                return False
            if key.fileobj is self._udp:
                self._datagrams()
            elif key.fileobj is self._tcp:
                self._accept()
            else:
                self._go_on(key.data)
        now = time.monotonic()
        for stream in [each for each in self._streams if now >= each.silent_at]:
            self._hang_up(stream)
        if self._rests_until is not None and now >= self._rests_until:
            self._rests_until = None
            self._selector.register(self._tcp, _READ)
        return True

    def _wait(self) -> float | None:
        times = [each.silent_at for each in self._streams]
        times += [] if self._rests_until is None else [self._rests_until]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _datagrams(self) -> None:
        for _ in range(_AT_ONCE):  # and then it is TCP's turn
            try:
                wire, sender = self._udp.recvfrom(_LONGEST)
            except BlockingIOError:
                return
            except OSError as error:  # such as an earlier answer that found nobody
                logger.debug("dns: %s", error)
                continue
            if not self._turnstile.passes(sender[0], time.monotonic()):
                continue
            answer = self._answer(wire, udp=True)
            if answer is not None:
                with suppress(OSError):  # the asker will ask again
                    self._udp.sendto(answer, sender)

    def _accept(self) -> None:
        try:
            accepted, (address, *_rest) = self._tcp.accept()
        except OSError as error:  # gone already, or no descriptor is left
            logger.warning("dns: a connection was not accepted: %s", error)
            self._rests_until = time.monotonic() + _REST
            self._selector.unregister(self._tcp)
            return
        now = time.monotonic()
        if not self._turnstile.enter(address, now):
            accepted.close()
            return
        accepted.setblocking(False)
        stream = _Stream(accepted, address, now + self._idle)
        self._streams.add(stream)
        self._selector.register(accepted, _READ, stream)

    def _go_on(self, stream: _Stream) -> None:
        try:
            if stream.unsent:
                stream.unsent = stream.unsent[stream.socket.send(stream.unsent) :]
            elif not self._read(stream):
                self._hang_up(stream)
                return
        except BlockingIOError:
            return
        except OSError as error:
            logger.debug("dns: %s: %s", stream.address, error)
            self._hang_up(stream)
            return
        self._selector.modify(stream.socket, _WRITE if stream.unsent else _READ, stream)

    def _read(self, stream: _Stream) -> bool:
        """Take what came, and answer the questions that are whole; False at the end."""
        came = stream.socket.recv(_LONGEST)
        stream.read += came
        while len(stream.read) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(stream.read)[0]
            if len(stream.read) < end:
                break
            wire, stream.read = stream.read[_LENGTH.size : end], stream.read[end:]
            answer = self._answer(wire, udp=False)
            stream.questions += 1
            if answer is None or stream.questions > QUESTIONS:
                return False
            stream.unsent += _LENGTH.pack(len(answer)) + answer
            stream.silent_at = time.monotonic() + self._idle
        return bool(came)

    def _hang_up(self, stream: _Stream) -> None:
        self._streams.remove(stream)
        self._selector.unregister(stream.socket)
        stream.socket.close()
        self._turnstile.leave(stream.address)

    def _answer(self, wire: bytes, *, udp: bool) -> bytes | None:
        query = read_query(wire)
        if query is None:
            self.answers["garbage"] += 1
            return refuse(wire)
        try:
            reply = self._zone.answer(query, self._table())
            answer = to_wire(query, reply, udp=udp)
        except Exception:
            logger.exception("dns: a question could not be answered")
            self.answers["SERVFAIL"] += 1
            return fail(query)
        self.answers[dns.rcode.to_text(reply.rcode())] += 1
        return answer


def _listen(bind: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on one port; for any port some are tried."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    tries = _TRIES if port == 0 else 1
    while True:
        tries -= 1
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.bind((bind, port))
            tcp = socket.create_server((bind, udp.getsockname()[1]), family=family)
        except OSError:
            udp.close()
            if not tries:
                raise
        else:
            return udp, tcp
