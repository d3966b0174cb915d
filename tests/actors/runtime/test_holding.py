"""Mail for nodes that are dialed on demand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import Thread

import pytest

from simulacra.actors.runtime import ActorDeadError
from simulacra.actors.runtime.errors import PeerBusyError
from simulacra.actors.runtime.holding import MOST, PATIENCE, REST, Held, Holding
from tests.actors.runtime.nodes import Echo, Network, Node, eventually


def numbers(holding: Holding, sent: list[int], lost: list[int], *values: int) -> list[bool]:
    return [
        holding.hold(Held(lambda v=value: sent.append(v), lambda _, v=value: lost.append(v)))  # type: ignore[misc]
        for value in values
    ]


def test_what_is_held_goes_out_in_order_and_then_nothing_is_held() -> None:
    holding, sent, lost = Holding(5.0), list[int](), list[int]()
    assert numbers(holding, sent, lost, 0) == [False]
    holding.open(0.0)
    assert numbers(holding, sent, lost, 1, 2, 3) == [True] * 3
    # What comes while the first go out stands behind the others.
    holding.hold(Held(lambda: numbers(holding, sent, lost, 5), lambda _: None))
    numbers(holding, sent, lost, 4)
    holding.drain(0.0)
    assert (sent, lost, numbers(holding, sent, lost, 6)) == ([1, 2, 3, 4, 5], [], [False])


def test_what_is_too_late_is_lost_and_not_waited_for_again_at_once() -> None:
    holding, sent, lost = Holding(5.0), list[int](), list[int]()
    holding.open(0.0)
    numbers(holding, sent, lost, 1, 2)
    holding.expire(PATIENCE - 0.1)
    assert lost == []
    holding.expire(PATIENCE)
    assert (sent, lost, holding.is_open) == ([], [1, 2], False)
    holding.open(PATIENCE + REST - 0.1)
    assert not holding.is_open
    holding.open(PATIENCE + REST)
    assert holding.is_open


def test_who_waits_for_an_answer_first_holds_for_longer() -> None:
    holding, sent, lost = Holding(5.0), list[int](), list[int]()
    holding.open(0.0, longer=60.0)
    numbers(holding, sent, lost, 1)
    holding.expire(PATIENCE + 59.9)
    assert lost == []
    holding.expire(PATIENCE + 60.0)
    assert lost == [1]


def test_with_too_much_held_mail_waits_for_room_and_signals_do_not() -> None:
    holding, sent, lost = Holding(60.0), list[int](), list[int]()
    holding.open(0.0)
    numbers(holding, sent, lost, *range(MOST))
    assert holding.hold(Held(lambda: sent.append(MOST), lambda _: None, is_mail=False))
    waiting = Thread(target=numbers, args=(holding, sent, lost, MOST + 1))
    waiting.start()
    eventually(lambda: len(holding._room._waiters) == 1)  # type: ignore[attr-defined]
    holding.drain(0.0)
    waiting.join(timeout=60)
    # It either found room behind the others, or nothing was held any more and it may be sent.
    assert (sent[: MOST + 1], lost) == (list(range(MOST + 1)), [])


def test_mail_that_finds_no_room_in_time_or_may_not_wait_is_refused() -> None:
    holding, sent, lost = Holding(0.01), list[int](), list[int]()
    holding.open(0.0)
    numbers(holding, sent, lost, *range(MOST))
    with pytest.raises(PeerBusyError, match="wait for a connection"):
        numbers(holding, sent, lost, MOST)
    assert lost == []


def test_what_a_busy_peer_does_not_take_keeps_its_place_as_long_as_some_goes_out() -> None:
    holding, sent, lost = Holding(5.0), list[int](), list[int]()
    room = 0

    def send(value: int) -> None:
        nonlocal room
        if not room:
            raise PeerBusyError("no room")
        room -= 1
        sent.append(value)

    holding.open(0.0)
    for value in range(4):
        holding.hold(Held(partial(send, value), lambda _, value=value: lost.append(value)))  # type: ignore[misc]
    holding.drain(0.0)
    assert (sent, holding.is_draining) == ([], True)
    room = 1
    holding.drain(PATIENCE - 0.1)
    room = 1
    holding.drain(2 * PATIENCE - 0.2)
    holding.expire(2 * PATIENCE)
    assert (sent, lost, holding.is_open) == ([0, 1], [], True)
    holding.drain(3 * PATIENCE - 0.2)
    assert (sent, lost, holding.is_open, holding.is_draining) == ([0, 1], [2, 3], False, False)


def test_what_cannot_be_sent_is_lost_with_the_error_and_the_rest_goes_out() -> None:
    holding, sent, lost = Holding(5.0), list[int](), list[int]()
    errors: list[Exception | None] = []

    def fail() -> None:
        raise ValueError("no")

    holding.open(0.0)
    holding.hold(Held(fail, errors.append))
    numbers(holding, sent, lost, 1)
    holding.drain(0.0)
    assert (sent, [str(each) for each in errors]) == ([1], ["no"])


# -- between nodes


@pytest.fixture
def pair() -> Iterator[tuple[Node, Node]]:
    """Two nodes that were never connected; a knows where b is."""
    with Network("a", "b") as network:
        b = network.node("b")
        place = (b.transport.endpoint, b.pair.public)
        a = network.node("a", reach={"b": place, "c": ("tcp://127.0.0.1:1", b.pair.public)}.get)
        yield a, b


def test_mail_and_asks_dial_a_node_that_is_not_connected(pair: tuple[Node, Node]) -> None:
    a, b = pair
    b.system.spawn(Echo, name="echo")
    echo = a.system.ref("echo@b")
    for number in range(100):
        echo.tell(number)
    assert echo.ask("last", timeout=60) == "last"
    echo.tell(100)
    assert echo.ask("got") == [*range(100), "last", 100]
    assert a.system.dead_letters.count == 0


def test_an_actor_of_a_node_that_is_not_connected_can_be_watched_and_asked_after(
    pair: tuple[Node, Node],
) -> None:
    a, b = pair
    far = b.system.spawn(Echo, name="echo")
    assert a.system.ref("echo@b").is_alive()
    assert not a.system.ref("nobody@b").is_alive()
    ended = a.system.watch(a.system.ref("echo@b"))
    far.stop()
    assert ended.get(timeout=60) is not None


def test_a_node_that_does_not_come_in_time_is_told_like_one_without_connection(
    pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulacra.actors.runtime.holding.PATIENCE", 0.3)
    a, b = pair
    b.close()
    echo = a.system.ref("echo@b")
    echo.tell("lost")
    ended = a.system.watch(echo)
    with pytest.raises(ActorDeadError, match="not connected"):
        echo.ask("hello", timeout=60)
    eventually(lambda: a.system.dead_letters.count == 1)
    assert "connect" in str(ended.get(timeout=60))
    # It is not waited for again at once.
    with pytest.raises(ActorDeadError):
        echo.ask("hello", timeout=0.1)
    with pytest.raises(ActorDeadError, match="join it first"):
        a.system.ref("echo@nowhere").ask("hello")
