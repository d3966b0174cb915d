"""Conflicts: listed alike everywhere, and settled by edits, on disk or by a word."""

from __future__ import annotations

import pytest

from simulacra.actors.data.reconciling.conflicts import (
    Conflict,
    ConflictKind,
    SettleError,
    common,
    conflicts,
    edit,
    take,
    take_both,
)
from simulacra.actors.data.reconciling.records import ROOT_ID
from tests.actors.data.reconciling.making import file, pair, put, remove, together
from tests.actors.data.reconciling.simulator import Host


def in_conflict() -> tuple[Host, Host, Conflict]:
    left, right = pair(b"f")
    put(left, b"f", 2)
    put(right, b"f", 3)
    together(left, right)
    (conflict,) = conflicts(ROOT_ID, b"", left.index)
    return left, right, conflict


def test_a_conflict_is_listed_alike_on_both() -> None:
    _, right, conflict = in_conflict()
    assert list(conflicts(ROOT_ID, b"", right.index)) == [conflict]
    assert (conflict.kind, conflict.path) == (ConflictKind.CONTENT, b"f")
    assert conflict.hosts == ("m", "l")
    assert conflict.copies == (b"f.conflict-l-2",)
    assert common(conflict.sides) == file(1).content.digest


def test_an_edit_comes_of_what_was_edited_though_another_was_heard_of_before() -> None:
    left, right = pair(b"f")
    put(left, b"f", 2)
    left.scan()
    put(right, b"f", 3)
    right.pull(left)
    together(left, right)
    (conflict,) = conflicts(ROOT_ID, b"", left.index)
    assert common(conflict.sides) == file(1).content.digest


def test_one_side_is_taken() -> None:
    left, right, conflict = in_conflict()
    take(conflict, conflict.sides[1].dot, right.index, right.author)
    assert together(left, right) == {b"f": 2}


def test_an_edited_content_is_taken() -> None:
    left, right, conflict = in_conflict()
    left.world.kept.add(file(7).content.digest)  # as whoever settles it has written it
    edit(conflict, file(7), left.index, left.author)
    assert together(left, right) == {b"f": 7}


def test_both_are_taken() -> None:
    left, right, conflict = in_conflict()
    take_both(conflict, left.index, left.author)
    assert together(left, right) == {b"f": 3, b"f.conflict-l-2": 2}
    assert not list(conflicts(ROOT_ID, b"", right.index))


def test_what_was_settled_meanwhile_is_not_settled_again() -> None:
    left, _, conflict = in_conflict()
    take(conflict, conflict.sides[1].dot, left.index, left.author)
    with pytest.raises(SettleError, match="list the conflicts again"):
        take(conflict, conflict.sides[0].dot, left.index, left.author)
    with pytest.raises(SettleError, match="list the conflicts again"):
        take_both(conflict, left.index, left.author)


def test_an_edit_while_another_settles_is_kept() -> None:
    left, right, conflict = in_conflict()
    left.world.kept.add(file(7).content.digest)  # as whoever settles it has written it
    edit(conflict, file(7), left.index, left.author)
    put(right, b"f", 8)
    assert sorted(together(left, right).values()) == [7, 8]


def test_deleting_the_copy_settles() -> None:
    left, right, conflict = in_conflict()
    remove(right, conflict.copies[0])
    assert together(left, right) == {b"f": 3}


def test_an_edited_copy_is_a_file_of_its_own() -> None:
    left, right, conflict = in_conflict()
    put(right, conflict.copies[0], 9)
    assert together(left, right) == {b"f": 3, conflict.copies[0]: 9}
    assert not list(conflicts(ROOT_ID, b"", left.index))


def test_a_copy_moved_over_its_original_is_taken() -> None:
    left, right, conflict = in_conflict()
    right.disk.entries[b"f"] = right.disk.entries.pop(conflict.copies[0])
    assert together(left, right) == {b"f": 2}


def test_deleting_the_original_leaves_the_copy() -> None:
    left, right, conflict = in_conflict()
    remove(left, b"f")
    assert together(left, right) == {conflict.copies[0]: 2}
