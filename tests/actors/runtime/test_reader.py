"""Reading by turns over real sockets: actors that read for their node lose and stall nothing."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from simulacra.actors.runtime import Actor, ActorDeadError, AskTimeoutError, Ref, turns
from simulacra.actors.runtime.reason import NOCONNECTION
from simulacra.actors.runtime.turns import STREAK
from tests.actors.runtime.nodes import PATIENCE, Echo, Node, eventually, two_nodes

IN_A_ROW = 5 * STREAK


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a streak last through the pauses that a loaded machine makes."""
    monkeypatch.setattr(turns, "NAP", 0.1)


class Caller(Actor):
    """Runs what it is asked to, so that an actor's thread does it, not the test's."""

    def on_receive(self, message: Callable[[Caller], Any]) -> Any:
        return message(self)


class Held(Echo):
    """An Echo that is held when it is told to be, until it is let go."""

    def __init__(self, entered: threading.Event, let_go: threading.Event) -> None:
        super().__init__()
        self._entered = entered
        self._let_go = let_go

    def on_receive(self, message: Any) -> Any:
        if message != "hold":
            return super().on_receive(message)
        self._entered.set()
        return "held" if self._let_go.wait(PATIENCE) else "not let go"


def led(node: Node) -> int:
    """How often actors of a node have read for it."""
    return node.transport._reader._turns._led


def has_led(node: Node) -> bool:
    return led(node) > STREAK


def call(node: Node, body: Callable[[], Any]) -> Any:
    """Run in an actor of a node."""
    caller = node.system.spawn(Caller)
    try:
        return caller.ask(lambda _: body(), timeout=PATIENCE)
    finally:
        caller.stop(block=False)


def warm_up(node: Node, remote: Ref) -> None:
    """Ask until this thread reads its own answers; a loaded machine may take some time to it."""
    before = led(node)

    def asked_in_a_row() -> bool:
        assert [remote.ask(n) for n in range(IN_A_ROW)] == list(range(IN_A_ROW))
        return led(node) > before + STREAK

    eventually(asked_in_a_row)


def test_who_asks_and_who_is_asked_read_for_themselves() -> None:
    with two_nodes() as (a, b):
        b.system.spawn(Echo, name="echo")
        echo = a.system.ref("echo@b")
        call(a, lambda: warm_up(a, echo))
        # On a loaded machine one of the two may get its turns much later than the other.
        call(a, lambda: eventually(lambda: echo.ask(1) == 1 and led(b)))


def test_an_ask_of_one_who_reads_times_out_and_the_next_is_answered() -> None:
    def body(a: Node, remote: Ref) -> None:
        for timeout in (0.0, 0.001, 0.05):
            warm_up(a, remote)
            began = time.monotonic()
            with pytest.raises(AskTimeoutError):
                remote.ask("stuck", timeout=timeout)
            assert time.monotonic() - began >= timeout
        assert remote.ask("still here") == "still here"

    with two_nodes() as (a, b):
        b.system.spawn(Echo, name="echo")
        call(a, lambda: body(a, a.system.ref("echo@b")))


def test_one_who_reads_may_wait_longer_than_a_socket_or_a_lock_can() -> None:
    def body(a: Node, remote: Ref) -> None:
        for timeout in (30 * 86_400.0, 1e12, math.inf):
            warm_up(a, remote)
            assert [remote.ask(n, timeout=timeout) for n in range(STREAK)] == list(range(STREAK))

    with two_nodes() as (a, b):
        b.system.spawn(Echo, name="echo")
        call(a, lambda: body(a, a.system.ref("echo@b")))


def test_many_askers_at_once_get_each_their_own_answers() -> None:
    with two_nodes() as (a, b):
        asked = [b.system.spawn(Echo, name=f"echo{n}") for n in range(3)]
        remotes = [a.system.ref(f"echo{n}@b") for n in range(len(asked))]

        def ask_many(number: int) -> None:
            for n in range(150):
                message = (number, n)
                assert remotes[(number + n) % 3].ask(message, timeout=PATIENCE) == message

        callers = [a.system.spawn(Caller) for _ in range(6)]
        replies = [
            caller.ask(lambda _, number=number: ask_many(number), block=False)
            for number, caller in enumerate(callers)
        ]
        for reply in replies:
            reply.get(timeout=PATIENCE)
        assert sum(len(echo.ask("got")) for echo in asked) == 6 * 150


def test_a_slow_actor_that_read_holds_up_nobody() -> None:
    entered, let_go = threading.Event(), threading.Event()
    with two_nodes() as (a, b):
        b.system.spawn(Held, entered, let_go, name="slow")
        b.system.spawn(Echo, name="quick")
        slow, quick = a.system.ref("slow@b"), a.system.ref("quick@b")

        def body() -> None:
            warm_up(b, slow)
            answer = slow.ask("hold", block=False)
            assert entered.wait(PATIENCE)
            assert quick.ask("now", timeout=PATIENCE / 2) == "now"
            let_go.set()
            assert answer.get(timeout=PATIENCE) == "held"

        call(a, body)


def test_mail_from_here_reaches_an_actor_that_reads() -> None:
    with two_nodes() as (a, b):
        echo = b.system.spawn(Echo, name="echo")
        done = threading.Event()

        def tell_here() -> None:
            number = 0
            while not done.is_set():
                assert echo.ask(("here", number)) == ("here", number)
                number += 1
                time.sleep(0.0005)

        teller = threading.Thread(target=tell_here)
        teller.start()
        try:
            remote = a.system.ref("echo@b")
            for _ in range(3):
                call(a, lambda: warm_up(b, remote))
        finally:
            done.set()
            teller.join(PATIENCE)
        here = [got[1] for got in echo.ask("got") if isinstance(got, tuple)]
        assert here == list(range(len(here)))


@pytest.mark.parametrize("whose", ["asker", "asked"])
def test_an_actor_that_reads_is_killed(whose: str) -> None:
    with two_nodes() as (a, b):
        asked = b.system.spawn(Echo, name="echo")
        b.system.spawn(Echo, name="other")
        remote = a.system.ref("echo@b")
        asker = a.system.spawn(Caller)

        def body(_: Actor) -> None:
            warm_up(a, remote)
            remote.ask("stuck", timeout=PATIENCE)

        reply = asker.ask(body, block=False)
        eventually(lambda: asked._target._deferred)  # type: ignore[attr-defined]  # it is stuck
        (asker if whose == "asker" else asked).kill()
        with pytest.raises(ActorDeadError):
            reply.get(timeout=PATIENCE)
        asked.kill()  # the thread of a killed asker waits for it
        call(a, lambda: warm_up(a, a.system.ref("other@b")))
        eventually(lambda: not a.system.abandoned and not b.system.abandoned)


def test_a_node_closes_under_those_who_read_for_it() -> None:
    for _ in range(3):
        with two_nodes() as (a, b):
            b.system.spawn(Echo, name="echo")
            remote = a.system.ref("echo@b")

            def body(_: Actor, node: Node = a, remote: Ref = remote) -> None:
                warm_up(node, remote)
                while True:
                    remote.ask("again")

            reply = a.system.spawn(Caller).ask(body, block=False)
            eventually(partial(has_led, a))
            a.transport.close()
            with pytest.raises(ActorDeadError) as lost:
                reply.get(timeout=PATIENCE)
            assert lost.value.reason == NOCONNECTION
