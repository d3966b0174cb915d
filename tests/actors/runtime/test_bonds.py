"""Bonds are told of a loss exactly once, and only those that still stand."""

from __future__ import annotations

from typing import cast

from simulacra.actors.runtime.bonds import Bonds
from simulacra.actors.runtime.reason import NOCONNECTION, NORMAL
from simulacra.actors.runtime.refs import Ref, Target
from simulacra.actors.runtime.signals import (
    Demonitor,
    DownSignal,
    ExitSignal,
    Link,
    Monitor,
    Signal,
    Unlink,
)

HERE = Ref(("a", 1, 1), cast("Target", None))
THERE = Ref(("b", 2, 1), cast("Target", None))


def test_every_bond_is_told_once() -> None:
    bonds = Bonds()
    bonds.sent(THERE, Link(HERE))
    bonds.sent(THERE, Monitor(7, HERE))
    bonds.received(HERE, Monitor(8, THERE))
    assert len(bonds) == 3
    assert bonds.lost() == [
        (HERE, ExitSignal(THERE, NOCONNECTION)),
        (HERE, DownSignal(7, THERE, NOCONNECTION)),
        (HERE, Demonitor(8, THERE)),
    ]
    assert bonds.lost() == []


def test_a_link_made_by_either_side_is_one() -> None:
    bonds = Bonds()
    bonds.sent(THERE, Link(HERE))
    bonds.received(HERE, Link(THERE))
    assert len(bonds.lost()) == 1


def test_what_ends_a_bond_strikes_it_out() -> None:
    ends: list[tuple[list[tuple[Ref, Signal]], list[tuple[Ref, Signal]]]] = [
        ([(THERE, Link(HERE)), (THERE, Unlink(HERE))], []),
        ([(THERE, Link(HERE))], [(HERE, Unlink(THERE))]),
        ([(THERE, Link(HERE)), (THERE, ExitSignal(HERE, NORMAL))], []),
        ([(THERE, Link(HERE))], [(HERE, ExitSignal(THERE, NORMAL))]),
        ([(THERE, Monitor(1, HERE)), (THERE, Demonitor(1, HERE))], []),
        ([(THERE, Monitor(1, HERE))], [(HERE, DownSignal(1, THERE, NORMAL))]),
    ]
    for sent, received in ends:
        bonds = Bonds()
        for to, signal in sent:
            bonds.sent(to, signal)
        for to, signal in received:
            bonds.received(to, signal)
        assert bonds.lost() == []
    watched = Bonds()
    watched.received(HERE, Monitor(1, THERE))
    watched.sent(THERE, DownSignal(1, HERE, NORMAL))
    assert len(watched) == 0


def test_an_exit_that_is_no_links_end_leaves_the_link() -> None:
    bonds = Bonds()
    bonds.sent(THERE, Link(HERE))
    bonds.sent(THERE, ExitSignal(HERE, NORMAL, linked=False))
    assert len(bonds) == 1
