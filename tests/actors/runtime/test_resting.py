"""Nodes that rest from idle connections, over real sockets."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pytest

from simulacra.actors.runtime import Actor, ActorDeadError
from simulacra.actors.runtime.credit import Window
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.group_sharing import GROUPS, GroupSharing
from simulacra.actors.runtime.holding import MOST, Holding
from simulacra.actors.runtime.reason import NOCONNECTION, NORMAL
from simulacra.actors.runtime.routes import Route
from simulacra.actors.runtime.signals import Stop
from simulacra.actors.runtime.transport import Transport
from simulacra.actors.runtime.transport_settings import Settings
from tests.actors.runtime.nodes import (
    PATIENCE,
    QUICK,
    Echo,
    Network,
    Node,
    Witness,
    eventually,
)

EAGER = Settings(timing=QUICK, most=0, idle=0.2, background=frozenset({"facts"}))
"""Of a node that keeps no connection without need."""


def meet(
    network: Network,
    *names: str,
    settings: Settings = EAGER,
    needs: Callable[[str, str], bool] = lambda *_: False,
) -> dict[str, Node]:
    """Nodes that are all connected, and know where the others are, and whom they need."""
    nodes: dict[str, Node] = {}

    def reach(name: str) -> tuple[str, str] | None:
        node = nodes.get(name)
        return None if node is None else (node.transport.endpoint, node.pair.public)

    for name in names:
        nodes[name] = network.node(name, settings, reach=reach, needs=partial(needs, name))
        nodes[name].system.spawn(Echo, name="echo")
    for one, other in combinations(nodes.values(), 2):
        one.join(other)
    return nodes


def are_resting(*nodes: Node) -> bool:
    return all(peer.is_resting for node in nodes for peer in node.transport.peers())


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that rests is waited for until it comes, also on a busy machine."""
    monkeypatch.setattr("simulacra.actors.runtime.holding.PATIENCE", PATIENCE)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network("a", "b", "c", "d", "e", "f") as network:
        yield network


@pytest.fixture
def pair(network: Network) -> tuple[Node, Node]:
    """Two nodes that rest from each other as soon as they may."""
    a, b = meet(network, "a", "b").values()
    return a, b


def test_an_idle_connection_is_parted_from_and_nobody_is_lost(pair: tuple[Node, Node]) -> None:
    a, b = pair
    eventually(lambda: (a.events.rested, b.events.rested) == (["b"], ["a"]))
    assert are_resting(a, b)
    assert a.events.down == b.events.down == []
    assert not a.peer(b).is_up
    # What the peer had opened is gone as well.
    eventually(lambda: not a.transport._roster.connections._by_id)


def test_mail_makes_a_new_connection_in_either_direction_and_keeps_its_order(
    pair: tuple[Node, Node],
) -> None:
    a, b = pair
    for one, other in (pair, pair[::-1]):
        eventually(lambda: are_resting(a, b))
        echo = one.system.ref(f"echo@{other.system.name}")
        for number in range(100):
            echo.tell(number)
        assert echo.ask("last", timeout=PATIENCE) == "last"
        assert other.system.ref("echo").ask("got") == [*range(100), "last"]
    assert a.system.dead_letters.count == b.system.dead_letters.count == 0
    assert a.events.down == b.events.down == []


def test_an_actor_of_a_resting_node_is_watched_linked_and_asked_after(
    pair: tuple[Node, Node],
) -> None:
    a, b = pair
    far = b.system.spawn(Echo, name="far")
    eventually(lambda: are_resting(a, b))
    assert a.system.ref(far.address).is_alive()
    eventually(lambda: are_resting(a, b))
    witness = a.system.spawn(Witness)
    witness.tell(("link", a.system.ref(far.address)))
    eventually(lambda: b.peer(a).is_tied)
    far.stop()
    told = eventually(lambda: witness.ask("told"))
    assert [str(each.reason) for each in told] == ["normal"]


def test_a_resting_node_that_is_not_there_any_more_is_as_without_connection(
    network: Network,
) -> None:
    nodes = meet(network, "a", "b")
    a, b = nodes.values()
    eventually(lambda: are_resting(a, b))
    del nodes["b"]  # nobody knows where it is
    with pytest.raises(ActorDeadError, match="not connected"):
        a.system.ref("echo@b").ask("hello")
    assert a.system.watch(a.system.ref("echo@b")).get(timeout=60) == NOCONNECTION
    assert are_resting(a)


def test_a_connection_with_ties_or_asks_stays(network: Network) -> None:
    a, b, c, d, e = meet(network, "a", "b", "c", "d", "e").values()
    witness = a.system.spawn(Witness)
    monitor = witness.ask(("monitor", a.system.ref("echo@b")))
    stuck = a.system.ref("echo@c").ask("stuck", block=False, timeout=None)
    watched = d.system.watch(d.system.ref("echo@a"))
    eventually(lambda: all(a.peer(each).is_up and a.peer(each).is_tied for each in (b, c, d)))
    # They have been idle for as long as e, or longer, which goes.
    assert a.system.ref("echo@e").ask("hello", timeout=PATIENCE) == "hello"
    eventually(lambda: a.peer(e).is_resting)
    assert all(a.peer(each).is_up for each in (b, c, d))
    assert witness.ask("told") == []
    assert not stuck.is_set()
    assert not watched.is_set()
    assert monitor
    b.system.ref("echo").stop()
    assert len(eventually(lambda: witness.ask("told"))) == 1
    eventually(lambda: a.peer(b).is_resting)


def test_a_peer_that_needs_the_connection_keeps_it_and_its_mail_flows(network: Network) -> None:
    needed = {("b", "a")}
    nodes = meet(network, "a", "b", "c", needs=lambda me, other: (me, other) in needed)
    a, b, c = nodes.values()
    eventually(lambda: are_resting(c))
    eventually(lambda: a.peer(b).parting.number > 2)  # it was offered again and again
    assert a.peer(b).is_up
    echo = a.system.ref("echo@b")
    for number in range(50):
        echo.tell(number)
    assert echo.ask("last", timeout=PATIENCE) == "last"
    assert b.system.ref("echo").ask("got") == [*range(50), "last"]
    needed.clear()
    eventually(lambda: are_resting(a, b, c))


def test_mail_in_the_background_is_no_use_and_wakes_when_it_is_sent(
    pair: tuple[Node, Node],
) -> None:
    a, b = pair
    b.system.spawn(Echo, name="facts")
    facts = a.system.ref("facts@b")

    def tell_until_rest() -> bool:
        if not a.peer(b).is_resting:
            facts.tell("news")
        return a.peer(b).is_resting

    eventually(tell_until_rest)
    eventually(lambda: are_resting(a, b))
    facts.tell("more")
    eventually(lambda: "more" in b.system.ref("facts").ask("got"))


@pytest.mark.parametrize(
    ("send", "is_worth"),
    [
        (lambda route: route.tell("news"), False),
        (lambda route: route.ask("news", Reply()), True),
        (lambda route: route.signal(Stop(NORMAL, None)), True),
    ],
)
def test_in_the_background_only_what_is_told_is_not_worth_a_connection(
    pair: tuple[Node, Node], send: Callable[[Route], None], is_worth: bool
) -> None:
    holding = Holding(5.0)
    holding.open(0.0)  # as while it is offered to rest
    peers: Any = SimpleNamespace(
        find=lambda _: SimpleNamespace(
            is_up=True, is_resting=False, incarnation=7, holding=holding
        ),
        seek=lambda _: None,
    )
    dead_letters = pair[0].system.dead_letters
    send(Route(("b", 7, "facts"), peers, dead_letters, is_use=False))
    assert holding.rest(0.0) == is_worth


def test_a_node_of_before_is_not_offered_to_rest(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    greeting = Transport._greeting

    def older(transport: Transport, pair: Any) -> Any:
        told = greeting(transport, pair)
        return replace(told, rests=0) if told.node == "b" else told

    monkeypatch.setattr(Transport, "_greeting", older)
    a, b, c = meet(network, "a", "b", "c", needs=lambda me, _: me == "b").values()
    eventually(lambda: a.peer(c).is_resting)  # which was idle for less long than b
    assert a.peer(b).is_up
    assert a.peer(b).parting.number == 0


def test_six_nodes_keep_three_connections_each_and_those_that_are_needed(network: Network) -> None:
    # As if a were the master.
    nodes = meet(network, *"abcdef", settings=replace(EAGER, most=3), needs=lambda *two: "a" in two)

    def up() -> list[int]:
        return [sum(p.is_up for p in node.transport.peers()) for node in nodes.values()]

    eventually(lambda: up()[0] == 5 and max(up()[1:]) <= 3)
    assert all(node.events.down == [] for node in nodes.values())
    for one, other in combinations(nodes.values(), 2):
        assert one.system.ref(f"echo@{other.system.name}").ask("hello", timeout=PATIENCE) == "hello"
        assert other.system.ref(f"echo@{one.system.name}").ask("hello", timeout=PATIENCE) == "hello"
    eventually(lambda: up()[0] == 5 and max(up()[1:]) <= 3)
    assert all(node.events.down == [] for node in nodes.values())
    assert all(node.system.dead_letters.count == 0 for node in nodes.values())


@pytest.mark.parametrize("seed", range(3))
def test_no_message_is_lost_however_often_they_rest(network: Network, seed: int) -> None:
    chance = random.Random(seed)
    a, b = meet(network, "a", "b", settings=replace(EAGER, idle=0.02)).values()
    sent: dict[str, list[int]] = {"a": [], "b": []}
    ways = [(a, b), (b, a)]
    for number in range(60):
        for one, other in chance.sample(ways, chance.randint(1, 2)):
            one.system.ref(f"echo@{other.system.name}").tell(number)
            sent[other.system.name].append(number)
        time.sleep(chance.choice([0.0, 0.02, 0.1, 0.2]) * chance.random())
    for node in (a, b):
        echo, wanted = node.system.ref("echo"), sent[node.system.name]
        eventually(lambda echo=echo, wanted=wanted: echo.ask("got") == wanted)  # type: ignore[misc]
    assert a.events.down == b.events.down == []


def test_a_burst_for_a_resting_node_waits_for_room_and_nothing_is_lost(
    pair: tuple[Node, Node],
) -> None:
    a, b = pair
    eventually(lambda: are_resting(a, b))
    a.peer(b).holding._send_timeout = 60.0
    echo = a.system.ref("echo@b")
    for number in range(3 * MOST):
        echo.tell(number)
    assert echo.ask("last", timeout=PATIENCE) == "last"
    assert b.system.ref("echo").ask("got") == [*range(3 * MOST), "last"]


def test_what_was_held_for_a_peer_that_stays_keeps_its_place_while_that_is_busy(
    network: Network,
) -> None:
    narrow = replace(EAGER, window=Window(4), send_timeout=60.0)
    a, b = meet(network, "a", "b", settings=narrow).values()
    eventually(lambda: are_resting(a, b))
    echo = a.system.ref("echo@b")
    for number in range(100):
        echo.tell(number)
    assert echo.ask("last", timeout=PATIENCE) == "last"
    assert b.system.ref("echo").ask("got") == [*range(100), "last"]
    assert a.system.dead_letters.count == 0


class Teller(Actor):
    """Tells another something before it answers."""

    def on_receive(self, message: Any) -> Any:
        message.tell("first")
        return "then"


def test_an_answer_does_not_overtake_what_its_actor_told_before(
    pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulacra.actors.runtime.holding.PATIENCE", 60.0)
    a, b = pair
    a.system.spawn(Teller, name="teller")
    teller, echo = b.system.ref("teller@a"), b.system.ref("echo")
    b.system.watch(teller)  # so that neither rests
    eventually(lambda: a.peer(b).is_up and a.peer(b).is_tied)
    holding = a.peer(b).holding
    eventually(lambda: not holding.is_open)
    holding.open(time.monotonic())  # as while it is offered to rest, which the ask has crossed
    answer = teller.ask(echo, block=False, timeout=None)
    eventually(lambda: len(holding._queue) == 2)
    assert not answer.is_set()
    with a.peer(b).session_lock:
        holding.drain(time.monotonic())
    assert answer.get(timeout=60) == "then"
    assert echo.ask("got") == ["first"]


def test_time_goes_on_and_a_connection_stays_if_nobody_can_tell_whether_it_is_needed(
    network: Network,
) -> None:
    def needs(me: str, _: str) -> bool:
        if me == "a":
            raise RuntimeError("it is not known")
        return False

    a, b = meet(network, "a", "b", needs=needs).values()
    eventually(lambda: b.peer(a).parting.number > 2)  # it offered, and was answered each time
    assert a.peer(b).is_up
    assert b.system.ref("echo@a").ask("hello") == "hello"


def test_a_member_that_joins_while_two_rest_is_told_to_the_other(pair: tuple[Node, Node]) -> None:
    a, b = pair
    for one, other in (pair, pair[::-1]):
        one.system.spawn(GroupSharing, lambda name=other.system.name: [name], name=GROUPS)
    eventually(lambda: are_resting(a, b))
    a.system.groups.join("choir", a.system.ref("echo"))
    eventually(lambda: b.system.groups.members("choir"))
