"""What two sides did, as a person sees it: the stated rules, case by case."""

from __future__ import annotations

from simulacra.actors.data.reconciling.conflicts import ConflictKind, conflicts, take_both
from simulacra.actors.data.reconciling.records import ROOT_ID
from tests.actors.data.reconciling.making import MAKE_FOLDER, pair, put, remove, together


def test_both_create_a_folder() -> None:
    left, right = pair()
    for host, n in ((left, 1), (right, 2)):
        host.disk.put(b"d", MAKE_FOLDER)
        put(host, b"d/%d" % n, n)
    assert together(left, right) == {b"d": -1, b"d/1": 1, b"d/2": 2}


def test_both_create_equal_files() -> None:
    left, right = pair()
    put(left, b"f", 1)
    put(right, b"f", 1)
    assert together(left, right) == {b"f": 1}


def test_both_create_different_files() -> None:
    left, right = pair()
    put(left, b"f.txt", 1)
    put(right, b"f.txt", 2)
    assert together(left, right) == {b"f.txt": 2, b"f.conflict-l-1.txt": 1}


def test_a_file_against_a_folder() -> None:
    left, right = pair()
    left.disk.put(b"f", MAKE_FOLDER)
    put(right, b"f", 2)
    assert together(left, right) == {b"f": -1, b"f.conflict-m-1": 2}
    assert left.disk.entries[b"f"][0].attributes.mode == 0o755


def test_renaming_against_renaming() -> None:
    left, right = pair(b"f")
    left.disk.move(b"f", b"g")
    right.disk.move(b"f", b"h")
    assert together(left, right) == {b"h": 1}


def test_renaming_onto_a_name_that_the_other_took() -> None:
    left, right = pair(b"f")
    left.disk.move(b"f", b"g")
    put(right, b"g", 2)
    assert together(left, right) == {b"g": 2, b"g.conflict-l-2": 1}
    (conflict,) = conflicts(ROOT_ID, b"", left.index)
    assert conflict.kind is ConflictKind.NAME
    take_both(conflict, left.index, left.author)
    assert together(left, right) == {b"g": 2, conflict.path: 1}
    assert not list(conflicts(ROOT_ID, b"", left.index))


def test_renaming_against_an_edit() -> None:
    left, right = pair(b"f")
    left.disk.move(b"f", b"g")
    put(right, b"f", 2)
    assert together(left, right) == {b"g": 2}


def test_renaming_against_a_deletion() -> None:
    left, right = pair(b"d/", b"d/f")
    remove(left, b"d")
    right.disk.move(b"d/f", b"f")
    assert together(left, right) == {b"f": 2}


def test_an_edit_in_a_folder_that_was_deleted() -> None:
    left, right = pair(b"d/", b"d/e/", b"d/e/f", b"d/g")
    remove(left, b"d")
    put(right, b"d/e/f", 9)
    assert together(left, right) == {b"d": -1, b"d/e": -1, b"d/e/f": 9}


def test_a_creation_in_a_folder_that_was_moved() -> None:
    left, right = pair(b"d/")
    left.disk.move(b"d", b"e")
    put(right, b"d/f", 2)
    assert together(left, right) == {b"e": -1, b"e/f": 2}


def test_folders_moved_into_each_other() -> None:
    left, right = pair(b"a/", b"b/", b"a/1", b"b/2")
    left.disk.move(b"a", b"b/a")
    right.disk.move(b"b", b"a/b")
    assert together(left, right) == {b"b": -1, b"b/2": 4, b"b/a": -1, b"b/a/1": 3}
    (conflict,) = conflicts(ROOT_ID, b"", right.index)
    assert (conflict.kind, conflict.path) == (ConflictKind.CIRCLE, b"b")
    take_both(conflict, right.index, right.author)
    assert not right.index.displaced()


def test_folders_that_change_places() -> None:
    left, right = pair(b"a/", b"b/", b"a/1", b"b/2")
    left.disk.move(b"a", b"t")
    left.disk.move(b"b", b"a")
    left.disk.move(b"t", b"b")
    assert together(left, right) == {b"a": -1, b"a/2": 4, b"b": -1, b"b/1": 3}


def test_a_folder_and_what_was_in_it_change_places() -> None:
    left, right = pair(b"a/", b"a/b/", b"a/b/f")
    left.disk.move(b"a/b", b"b")
    left.disk.move(b"a", b"b/a")
    assert together(left, right) == {b"b": -1, b"b/a": -1, b"b/f": 3}
