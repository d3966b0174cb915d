"""A real listener, and behind it one that answers with what it is sent."""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from simulacra.actors.cluster.porch import LIFE, READ, SENT_LIMIT, Porch, listen
from simulacra.actors.cluster.turnstile import Limits, Turnstile
from tests.actors.cluster.descriptors import no_descriptors


class Street:
    """A porch that is turned by hand, at a time that is said."""

    def __init__(self, stack: ExitStack, limits: Limits) -> None:
        self._stack = stack
        name = b"\0simulacra-test-" + os.urandom(8).hex().encode()
        self.behind = stack.enter_context(socket.socket(socket.AF_UNIX))
        self.behind.bind(name)
        self.behind.listen()
        self.behind.settimeout(60)
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.porch = Porch(listener, name, Turnstile(limits))
        stack.callback(self.porch.close)

    def dial(self) -> socket.socket:
        return self._stack.enter_context(
            socket.create_connection(("127.0.0.1", self.port), timeout=60.0)
        )

    def served(self) -> socket.socket:
        """The inner end of the next connection."""
        inner = self._stack.enter_context(self.behind.accept()[0])
        inner.settimeout(60)
        return inner

    def turn(self, now: float = 0.0, within: float = 5.0) -> None:
        """Wait until something is ready, and go on with it."""
        with selectors.DefaultSelector() as selector:
            for end, events in self.porch.wants().items():
                selector.register(end, events)
            ready = {key.fd: events for key, events in selector.select(within)}
        self.porch.turn(ready, now)

    def enter(self) -> tuple[socket.socket, socket.socket]:
        """A visitor, and the inner end of its connection."""
        outer = self.dial()
        self.turn()
        return outer, self.served()


@pytest.fixture
def street() -> Iterator[Street]:
    with ExitStack() as stack:
        yield Street(stack, Limits(open_each=2))


def test_bytes_pass_both_ways(street: Street) -> None:
    outer, inner = street.enter()
    outer.sendall(b"question")
    street.turn()
    assert inner.recv(100) == b"question"
    inner.sendall(b"answer")
    street.turn()
    assert outer.recv(100) == b"answer"


def test_much_comes_out_although_its_reader_is_slow(street: Street) -> None:
    outer, inner = street.enter()
    answer = os.urandom(2**20)
    came = b""
    inner.settimeout(0.0)
    sent = 0
    while len(came) < len(answer):
        with suppress(BlockingIOError):
            sent += inner.send(answer[sent : sent + 2**20]) if sent < len(answer) else 0
        street.turn(within=0.001)
        came += outer.recv(100_000) if readable(outer) else b""
    assert came == answer


def readable(end: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(end, READ)
        return bool(selector.select(0))


def test_a_visitor_may_send_so_much_and_no_more(street: Street) -> None:
    outer, inner = street.enter()
    outer.sendall(bytes(SENT_LIMIT))
    came = 0
    while came < SENT_LIMIT:
        street.turn()
        came += len(inner.recv(2 * SENT_LIMIT)) if readable(inner) else 0
    assert street.porch.turnstile.open == 1
    outer.sendall(b"x")
    street.turn()
    assert street.porch.turnstile.open == 0
    assert inner.recv(100) == b""


def test_a_visitor_goes_when_its_time_is_over(street: Street) -> None:
    outer, _ = street.enter()
    assert street.porch.deadline() == LIFE
    street.porch.turn({}, LIFE)
    assert street.porch.turnstile.open == 1
    street.porch.turn({}, LIFE + 0.1)
    assert (street.porch.turnstile.open, street.porch.deadline()) == (0, None)
    assert outer.recv(100) == b""


def test_when_one_side_ends_so_does_the_other(street: Street) -> None:
    outer, inner = street.enter()
    outer.close()
    street.turn()
    assert inner.recv(100) == b""
    outer, inner = street.enter()
    inner.close()
    street.turn()
    assert outer.recv(100) == b""
    assert street.porch.turnstile.open == 0


def test_who_is_too_many_is_closed_at_once(street: Street) -> None:
    ends = [street.dial() for _ in range(5)]
    for _ in ends:
        street.turn(within=0.01)
    assert [end.recv(100) if readable(end) else None for end in ends] == [None] * 2 + [b""] * 3
    assert street.porch.turnstile.turned_away == 3


def test_without_descriptors_it_rests_and_goes_on(street: Street) -> None:
    caller = socket.socket()
    with caller, no_descriptors():
        caller.connect(("127.0.0.1", street.port))
        ready = dict.fromkeys(street.porch.wants(), READ)
        street.porch.turn(ready, 10.0)
        assert street.porch.wants() == {}  # else its loop would turn without a pause
        assert street.porch.deadline() == 10.5
        street.porch.turn({}, 10.4)
        assert street.porch.wants() == {}
    street.porch.turn({}, 10.5)
    assert street.porch.deadline() is None
    street.turn(10.6)
    assert street.porch.turnstile.open == 1


def test_when_nobody_is_behind_the_visitor_is_sent_away(street: Street) -> None:
    street.behind.close()
    outer = street.dial()
    street.turn()
    assert outer.recv(100) == b""
    assert street.porch.turnstile.open == 0
