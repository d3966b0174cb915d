"""Imports: files that were there before, after a lost database or an eviction."""

from __future__ import annotations

from simulacra.actors.data.reconciling.observing import Import
from tests.actors.data.reconciling.making import file, hosts, meet, shown


def test_a_lost_database_makes_no_edits_of_what_others_know() -> None:
    left, right = hosts()
    left.disk.put(b"f", file(1))
    left.disk.put(b"g", file(2))
    left.disk.put(b"h", file(3))
    meet(left, right)
    left.remove(0, 0)  # f
    left.disk.move(b"g", b"i")
    left.disk.put(b"h", file(4))
    left.scan()
    right.lose()
    right.disk.put(b"new", file(5))
    meet(left, right)
    assert shown(left) == shown(right) == {b"h": 4, b"i": 2, b"new": 5}


def test_what_was_aside_when_the_database_was_lost_is_recovered() -> None:
    left, right = hosts()
    left.disk.put(b"f", file(1))
    meet(left, right)
    right.disk.put(b".simulacra-aside-0", file(2))
    right.lose()
    meet(left, right)
    assert shown(left) == shown(right) == {b"f": 1, b"recovered-0": 2}


def test_after_an_eviction_what_nobody_knows_goes_into_quarantine() -> None:
    left, right = hosts()
    left.disk.put(b"f", file(1))
    left.disk.put(b"g", file(2))
    meet(left, right)
    right.evicted = True
    left.remove(0, 0)
    left.scan()
    left.apply()
    left.forget(0, 0)
    assert len(left.index.records) == 1
    right.lose(Import.EVICTED)
    meet(left, right)
    assert shown(left) == shown(right) == {b"g": 2}
    assert right.world.quarantine == {file(1).content.digest}
