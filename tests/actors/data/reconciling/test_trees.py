"""What becomes of what two sides did, as a person sees it: the stated rules, case by case."""

from __future__ import annotations

import pytest

from simulacra.actors.data.entries import Path
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
from simulacra.actors.data.reconciling.planning import Policy, is_settled, wanted
from simulacra.actors.data.reconciling.projecting import listing
from simulacra.actors.data.reconciling.records import ROOT_ID
from tests.actors.data.reconciling.making import MAKE_FOLDER, file, hosts, meet, planned, shown
from tests.actors.data.reconciling.simulator import Host


def put(host: Host, path: Path, n: int) -> None:
    host.world.wall += 1
    here = host.disk.entries.get(path)
    host.disk.put(path, file(n), here and here[1])


def remove(host: Host, path: Path) -> None:
    for each in host.disk.below(path):
        del host.disk.entries[each]


def pair(*files: Path) -> tuple[Host, Host]:
    """Two hosts that have the same files, 1, 2, 3 ..., in folders named before them."""
    left, right = hosts()
    for n, path in enumerate(files, 1):
        if path.endswith(b"/"):
            left.disk.put(path[:-1], MAKE_FOLDER)
        else:
            put(left, path, n)
    meet(left, right)
    assert left.disk.entries.keys() == right.disk.entries.keys()
    return left, right


def together(left: Host, right: Host) -> dict[Path, int]:
    """What both show after they met; later writings come from the right."""
    left.scan()
    left.world.wall += 10
    right.scan()
    meet(left, right)
    assert shown(left) == shown(right)
    left.world.quiet()
    return shown(left)


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


# -- conflict copies


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


def test_one_side_is_taken() -> None:
    left, right, conflict = in_conflict()
    take(conflict, conflict.sides[1].dot, right.index, right.author)
    assert together(left, right) == {b"f": 2}


def test_an_edited_content_is_taken() -> None:
    left, right, conflict = in_conflict()
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


# -- parts of a tree, and names that cannot be


def test_what_is_not_wanted_goes_and_is_not_deleted() -> None:
    left, right = pair(b"d/", b"d/f", b"big")
    policy = Policy(wanted=lambda path, _entry: path != b"big")
    planned(right, policy)
    assert shown(right) == {b"d": -1, b"d/f": 2}
    assert is_settled(ROOT_ID, right.index, policy)
    right.scan()
    left.pull(right)
    left.apply()
    assert shown(left) == {b"big": 3, b"d": -1, b"d/f": 2}
    planned(right)
    assert shown(right) == shown(left)


def test_names_that_the_file_system_takes_for_one() -> None:
    left, right = hosts()
    put(left, b"README", 1)
    put(left, b"readme", 2)
    put(left, "\u00e9".encode(), 3)
    put(left, "e\u0301".encode(), 4)
    left.scan()
    right.pull(left)
    policy = Policy(folds=True)
    planned(right, policy)
    assert len(shown(right)) == 2
    _, held = wanted(b"", listing(ROOT_ID, right.index), policy)
    assert len(held) == 2
    assert all("rename one of them" in each.reason for each in held)
    right.scan()
    left.pull(right)
    left.apply()
    assert len(shown(left)) == 4
