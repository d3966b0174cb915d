"""An outside host reaches what was exposed to it, and nothing else of a node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulacra.actors.runtime import ActorDeadError, Ref
from simulacra.actors.runtime.keys import KeyList, Member
from simulacra.actors.runtime.reason import KILLED, NOPROC

from .nodes import Echo, Network, Node, eventually


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    with Network("desk", "phone") as network:
        outside = Member("phone", network.pairs["phone"].public, outside=True)
        desk = network.node("desk", keys=KeyList([outside]))
        phone = network.node("phone")
        phone.join(desk)
        yield desk, phone


@pytest.fixture
def printer(nodes: tuple[Node, Node]) -> Ref:
    return nodes[0].system.spawn(Echo, name="printer")


def test_what_was_not_exposed_does_not_exist(nodes: tuple[Node, Node], printer: Ref) -> None:
    desk, phone = nodes
    there = phone.system.ref("printer@desk")
    with pytest.raises(ActorDeadError, match="simulacra expose printer"):
        there.ask("secret")
    with pytest.raises(ActorDeadError):
        phone.system.ref("nobody@desk").ask("are you there?")
    there.tell("secret")
    eventually(lambda: desk.system.dead_letters.count == 1)
    assert printer.ask("got") == []


def test_what_was_exposed_is_told_and_asked(nodes: tuple[Node, Node], printer: Ref) -> None:
    desk, phone = nodes
    desk.system.exposed.add("printer")
    there = phone.system.ref("printer@desk")
    assert there.ask("a page") == "a page"
    there.tell("another")
    eventually(lambda: "another" in printer.ask("got"))
    desk.system.exposed.discard("printer")
    with pytest.raises(ActorDeadError):
        there.ask("a third")


def test_nobody_is_stopped_from_outside(nodes: tuple[Node, Node], printer: Ref) -> None:
    desk, phone = nodes
    desk.system.exposed.add("printer")
    there = phone.system.ref("printer@desk")
    with pytest.raises(ActorDeadError):
        there.stop()
    there.exit(KILLED, block=False)
    phone.system.ref((desk.system.name, desk.system.incarnation, 1)).stop(block=False)
    there.tell("after it")
    eventually(lambda: "after it" in printer.ask("got"))
    assert printer.is_alive()


def test_a_monitor_of_what_was_not_exposed_says_nobody(
    nodes: tuple[Node, Node], printer: Ref
) -> None:
    _, phone = nodes
    assert printer.is_alive()
    down = phone.system.watch(phone.system.ref("printer@desk"))
    assert down.get(timeout=60) == NOPROC


def test_the_inside_reaches_the_outside(nodes: tuple[Node, Node]) -> None:
    desk, phone = nodes
    phone.system.spawn(Echo, name="ring")
    assert desk.system.ref("ring@phone").ask("hello") == "hello"
