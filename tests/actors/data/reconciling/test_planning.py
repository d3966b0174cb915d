"""Plans: nothing that nobody saw is overwritten, and a crash anywhere is healed."""

from __future__ import annotations

from simulacra.actors.data.reconciling.actions import Move, Put, Remove, done
from simulacra.actors.data.reconciling.copy_names import is_aside
from simulacra.actors.data.reconciling.planning import is_settled, plan
from simulacra.actors.data.reconciling.records import ROOT_ID
from tests.actors.data.reconciling.making import (
    MAKE_FOLDER,
    file,
    hosts,
    meet,
    pair,
    shown,
)
from tests.actors.data.reconciling.simulator import Host


def two() -> tuple[Host, Host]:
    left, right = hosts()
    left.disk.put(b"a", file(1))
    left.disk.put(b"b", file(2))
    meet(left, right)
    return left, right


def test_every_action_says_what_it_expects() -> None:
    left, right = two()
    left.disk.put(b"a", file(9))
    del left.disk.entries[b"b"]
    left.scan()
    right.pull(left)
    put, gone = plan(right.index.dirty, right.index)
    assert isinstance(put, Put)
    assert put.expected == file(1)
    assert gone == Remove(b"b", file(2))


def test_an_edit_that_nobody_saw_is_not_overwritten() -> None:
    left, right = two()
    left.disk.put(b"a", file(9))
    left.scan()
    right.pull(left)
    right.disk.put(b"a", file(8))
    right.apply()
    assert shown(right)[b"a"] == 8
    assert not is_settled(ROOT_ID, right.index)
    meet(left, right)
    assert sorted(shown(right).values()) == [2, 8, 9]


def test_files_that_change_names_are_moved_one_of_them_aside() -> None:
    left, right = two()
    left.disk.move(b"a", b"t")
    left.scan()
    left.disk.move(b"b", b"a")
    left.scan()
    left.disk.move(b"t", b"b")
    left.scan()
    right.pull(left)
    actions = []
    for action in plan(list(right.index.dirty), right.index):
        actions.append(action)
        assert right.act(action)
        done(action, right.index, right.fingerprint(action.path))
    moves = [each for each in actions if isinstance(each, Move)]
    assert len(moves) == 3
    assert is_aside(moves[0].path)
    assert shown(right) == {b"a": 2, b"b": 1}


def test_a_crash_at_any_action_is_healed() -> None:
    for at in range(8):
        for half in (0, 1):
            left, right = two()
            left.disk.put(b"d", MAKE_FOLDER)
            left.disk.move(b"a", b"d/b")
            left.disk.move(b"b", b"a")
            left.disk.put(b"d/new", file(3))
            left.scan()
            right.pull(left)
            right.apply(at, half)
            n = right.author.n
            right.scan()
            assert right.author.n == n, "what was planned was taken for an edit"
            right.apply()
            assert shown(right) == {b"a": 2, b"d": -1, b"d/b": 1, b"d/new": 3}


def test_what_could_not_be_moved_yet_is_not_taken_away() -> None:
    left, right = pair(b"one/", b"one/x", b"old")
    left.disk.move(b"one", b"three")
    left.disk.move(b"old", b"new")
    left.scan()
    right.pull(left)
    refused = list(plan(list(right.index.dirty), right.index))
    assert [(each.source, each.path) for each in refused if isinstance(each, Move)] == [
        (b"one", b"three"),
        (b"old", b"new"),
    ]
    assert len(refused) == 2
    right.apply()
    assert shown(right) == {b"new": 3, b"three": -1, b"three/x": 2}


def test_an_edit_in_a_folder_that_was_put_aside_is_found() -> None:
    left, right = hosts()
    left.disk.put(b"d", MAKE_FOLDER)
    left.disk.put(b"d/f", file(1))
    meet(left, right)
    row = right.index.row(b"d")
    assert row is not None
    aside = b".simulacra-aside-0"
    right.disk.move(b"d", aside)
    done(Move(b"d", aside, row.entry), right.index)
    left.remove(0, 0)
    left.scan()
    right.disk.put(aside + b"/new", file(2))
    meet(left, right)
    assert shown(left) == shown(right) == {b"d": -1, b"d/new": 2}
