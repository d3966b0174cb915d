"""A supervisor in another node, asked over real sockets as if it were here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulacra.actors.runtime import (
    Actor,
    AlreadyPresentError,
    AlreadyStartedError,
    ChildCounts,
    ChildNotFoundError,
    ChildRunningError,
    ChildSpec,
    Flags,
    IgnoreStart,
    SimpleOneForOneError,
    SpecError,
    StartError,
    Supervisor,
    SupervisorError,
    SupervisorHandle,
)
from tests.actors.runtime.nodes import Node, eventually, two_nodes


class Adder(Actor):
    """Adds what it is told to what it was made with; ends at a text."""

    def __init__(self, start: int = 0) -> None:
        self._sum = start

    def on_receive(self, message: int) -> int:
        self._sum += message
        return self._sum


class Unwilling(Actor):
    """Does not want to run."""

    def on_start(self) -> None:
        raise IgnoreStart


ADDER = f"{__name__}:Adder"
UNWILLING = f"{__name__}:Unwilling"


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    with two_nodes() as both:
        yield both


def far(nodes: tuple[Node, Node], flags: Flags, *specs: ChildSpec) -> SupervisorHandle:
    """A supervisor in the second node, as the first sees it."""
    here, there = nodes
    there.system.spawn(Supervisor, flags, list(specs), name="shop")
    return SupervisorHandle(here.system.ref("shop@b"))


def test_children_of_another_node_are_started_listed_and_ended(nodes: tuple[Node, Node]) -> None:
    shop = far(nodes, Flags())
    spec = ChildSpec("till", ADDER, (10,), restart="transient", shutdown=3)
    till = shop.start_child(spec)
    assert till is not None
    assert till.node == "b"
    assert till.ask(5) == 15
    assert shop.start_child(ChildSpec("shut", UNWILLING)) is None
    listed = shop.which_children()
    assert [(each.id, each.ref, each.state) for each in listed] == [
        ("till", till, "running"),
        ("shut", None, "undefined"),
    ]
    assert shop.count_children() == ChildCounts(specs=2, active=1, supervisors=0, workers=2)
    assert shop.get_childspec("till") == spec
    shop.terminate_child("till")
    assert not till.is_alive()
    again = shop.restart_child("till")
    assert again is not None
    assert again.ask(1) == 11
    shop.terminate_child("till")
    shop.delete_child("till")
    assert [each.id for each in shop.which_children()] == ["shut"]


def test_why_a_child_of_another_node_was_restarted(nodes: tuple[Node, Node]) -> None:
    shop = far(nodes, Flags(), ChildSpec("till", Adder))
    [till] = shop.which_children()
    assert till.ref is not None
    with pytest.raises(TypeError):
        till.ref.ask("no number")
    eventually(lambda: shop.which_children()[0].restarts == 1)
    [till] = shop.which_children()
    assert till.first_reason is not None
    assert till.first_reason.error is not None
    assert till.first_reason.error[0] == "TypeError"


def test_another_nodes_refusals_are_those_of_here(nodes: tuple[Node, Node]) -> None:
    shop = far(nodes, Flags(), ChildSpec("till", Adder), ChildSpec("shut", Unwilling))
    with pytest.raises(AlreadyStartedError, match="'till' already runs") as refused:
        shop.start_child(ChildSpec("till", ADDER))
    assert refused.value.ref == shop.which_children()[0].ref
    with pytest.raises(AlreadyPresentError, match="'shut' is there"):
        shop.start_child(ChildSpec("shut", ADDER))
    with pytest.raises(StartError, match="TypeError"):
        shop.start_child(ChildSpec("wrong", ADDER, (1, 2, 3)))
    with pytest.raises(StartError, match="No module named 'no'"):
        shop.start_child(ChildSpec("wrong", "no.such:nothing"))
    with pytest.raises(SpecError, match="significant needs Flags"):
        shop.start_child(ChildSpec("last", ADDER, restart="transient", significant=True))
    with pytest.raises(ChildRunningError, match="terminate it first"):
        shop.restart_child("till")
    with pytest.raises(ChildNotFoundError, match="no child 'nobody'"):
        shop.terminate_child("nobody")
    with pytest.raises(SimpleOneForOneError, match="is one_for_one"):
        shop.start_dynamic_child(1)
    with pytest.raises(SupervisorError, match="does not take 'nonsense'"):
        shop.ref.ask("nonsense")


def test_dynamic_children_of_another_node(nodes: tuple[Node, Node]) -> None:
    tills = far(nodes, Flags(strategy="simple_one_for_one"), ChildSpec("till", ADDER))
    first, second = tills.start_dynamic_child(1), tills.start_dynamic_child(2)
    assert first is not None
    assert second is not None
    assert [till.ask(10) for till in (first, second)] == [11, 12]
    assert tills.get_childspec(first) == ChildSpec("till", ADDER)
    tills.terminate_child(first)
    assert [each.ref for each in tills.which_children()] == [second]
