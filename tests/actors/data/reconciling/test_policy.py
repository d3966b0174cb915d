"""What is to be on a disk: what is wanted, and what its file system can hold beside what."""

from __future__ import annotations

from simulacra.actors.data.reconciling.planning import is_settled
from simulacra.actors.data.reconciling.policy import Policy, fold, wanted
from simulacra.actors.data.reconciling.projecting import listing
from simulacra.actors.data.reconciling.records import ROOT_ID
from tests.actors.data.reconciling.making import (
    hosts,
    pair,
    planned,
    put,
    shown,
)


def test_names_fold_by_case_and_form() -> None:
    assert fold("É".encode()) == fold("é".encode()) == fold("E\u0301".encode())
    assert fold(b"a") != fold(b"b")
    assert fold(b"\xff") != fold(b"\xfe")


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
