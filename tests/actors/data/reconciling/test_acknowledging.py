"""Tombstones: kept until everybody knows, then gone for good."""

from __future__ import annotations

from simulacra.actors.data.reconciling.acknowledging import is_gone, may_go
from tests.actors.data.reconciling.making import MAKE_FOLDER, file, hosts, meet
from tests.actors.data.reconciling.simulator import Host


def deleted(*several: Host) -> None:
    several[0].disk.put(b"f", file(1))
    meet(*several)
    del several[0].disk.entries[b"f"]
    several[0].scan()
    several[0].apply()


def test_it_goes_when_all_have_acknowledged() -> None:
    left, right, away = hosts(3)
    deleted(left, right, away)
    meet(left, right)
    left.forget(0, 0)
    assert left.index.records, "one that is away has not acknowledged"
    meet(left, right, away)
    left.forget(0, 0)
    assert not left.index.records


def test_it_does_not_come_back_from_who_still_has_it() -> None:
    left, right = hosts(2)
    deleted(left, right)
    meet(left, right)
    (tombstone,) = right.index.records.values()
    left.forget(0, 0)
    assert is_gone(tombstone, left.vector, left.index)
    left.take(tombstone)
    assert not left.index.records


def test_it_stays_while_something_is_known_in_it() -> None:
    left, right = hosts(2)
    left.disk.put(b"d", MAKE_FOLDER)
    left.disk.put(b"d/f", file(1))
    meet(left, right)
    left.remove(0, 0)
    meet(left, right)
    members = [left.author.replica, right.author.replica]
    folder = next(each for each in left.index.records.values() if each.location.value.name == b"d")
    assert not may_go(folder, members, left.acknowledged, left.index)
    left.forget(0, 0)
    left.forget(0, 0)
    assert not left.index.records


def test_nothing_goes_without_members() -> None:
    (left,) = hosts(1)
    deleted(left)
    (tombstone,) = left.index.records.values()
    assert not may_go(tombstone, [], left.acknowledged, left.index)
