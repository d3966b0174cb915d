"""A node that keeps apart works with those that do so too, and is as if outside to all others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from simulacra.actors.runtime import ActorDeadError
from simulacra.actors.runtime.transport_settings import Settings

from .nodes import QUICK, Echo, Network, Node, eventually


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node, Node]]:
    """A laptop, a tablet and a nas that are all connected; each has an echo and a tree."""
    with Network("laptop", "tablet", "nas") as network:
        made = [network.node(name) for name in ("laptop", "tablet", "nas")]
        for n, node in enumerate(made):
            node.system.open_apart = ("tree.",)
            node.system.spawn(Echo, name="echo")
            node.system.spawn(Echo, name="tree.1")
            for other in made[:n]:
                node.join(other)
        yield made[0], made[1], made[2]


def is_apart(node: Node, other: Node) -> bool | None:
    """Whether they are apart; None while they are not connected."""
    peer = node.peer(other)
    return peer.is_apart if peer.is_up else None


def wait_apart(one: Node, other: Node, *, apart: bool) -> None:
    eventually(lambda: is_apart(one, other) is apart and is_apart(other, one) is apart)


def test_while_one_of_two_keeps_apart_neither_reaches_more_than_what_is_open(
    nodes: tuple[Node, Node, Node],
) -> None:
    laptop, tablet, nas = nodes
    laptop.transport.keep_apart(True, "it is detached")
    wait_apart(laptop, nas, apart=True)
    for one, other in ((laptop, nas), (nas, laptop)):
        with pytest.raises(ActorDeadError, match="simulacra rejoin"):
            one.system.ref(f"echo@{other.system.name}").ask("hello")
        assert one.system.ref(f"tree.1@{other.system.name}").ask("look") == "look"
        there = other.system.whereis("echo")
        assert there is not None
        with pytest.raises(ActorDeadError):
            one.system.ref(f"tree.1@{other.system.name}").stop()
        assert there.is_alive()
    assert nas.system.ref("echo@tablet").ask("hello") == "hello"
    assert tablet.system.ref("echo@nas").ask("hello") == "hello"


def test_two_that_keep_apart_work_together(nodes: tuple[Node, Node, Node]) -> None:
    laptop, tablet, nas = nodes
    laptop.transport.keep_apart(True, "it is detached")
    tablet.transport.keep_apart(True, "it is detached")
    wait_apart(laptop, tablet, apart=False)
    wait_apart(tablet, nas, apart=True)
    assert laptop.system.ref("echo@tablet").ask("hello") == "hello"
    tablet.transport.keep_apart(False, "it rejoins")
    wait_apart(laptop, tablet, apart=True)
    wait_apart(tablet, nas, apart=False)
    assert tablet.system.ref("echo@nas").ask("hello") == "hello"


def test_whoever_keeps_apart_no_more_is_connected_again_and_both_are_told(
    nodes: tuple[Node, Node, Node],
) -> None:
    laptop, _, nas = nodes
    laptop.transport.keep_apart(True, "it is detached")
    wait_apart(laptop, nas, apart=True)
    assert "laptop" in [name for name, _ in nas.events.down]
    ups = nas.events.up.count("laptop")
    laptop.transport.keep_apart(False, "it rejoins")
    wait_apart(laptop, nas, apart=False)
    assert laptop.system.ref("echo@nas").ask("hello") == "hello"
    assert nas.events.up.count("laptop") > ups


def test_going_to_and_fro_is_no_failure_that_is_rested_from() -> None:
    patient = Settings(timing=replace(QUICK, longest_rest=60.0))
    with Network("a", "b") as network:
        laptop, nas = network.two(patient)
        began = time.monotonic()
        for _ in range(5):
            for apart in (True, False):
                laptop.transport.keep_apart(apart, "to and fro")
                wait_apart(laptop, nas, apart=apart)
        assert time.monotonic() - began < 45  # rests that are doubled take 51 s
