"""What a crash keeps out of the index, or a lost file, is made up for from the base."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.trees import in_step
from tests.actors.data.trees.copies import Copies, contents
from tests.actors.data.trees.test_local_tree import write


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        write(made["a"].root / "kept/x", "x")
        write(made["a"].root / "gone", "gone")
        made.sync()
        yield made


@pytest.mark.parametrize("damage", [None, b"", b"damaged" * 1000])
def test_what_was_deleted_while_the_index_was_lost_is_deleted(
    copies: Copies, damage: bytes | None
) -> None:
    b = copies["b"]
    b.close()
    b.place.index.unlink()
    if damage is not None:
        b.place.index.write_bytes(damage)
    (b.root / "gone").unlink()
    write(b.root / "kept/x", "edited")
    b.open()
    copies.sync()
    assert contents(copies["a"].root) == contents(b.root) == {"kept": None, "kept/x": b"edited"}


def test_an_index_that_is_damaged_at_work_is_made_anew(copies: Copies) -> None:
    b = copies["b"]
    with sqlite3.connect(b.place.index) as other:
        other.execute("UPDATE entries SET entry = x'00'")
    other.close()
    (b.root / "gone").unlink()
    write(b.root / "kept/y", "y")
    copies.sync()
    assert contents(copies["a"].root) == {"kept": None, "kept/x": b"x", "kept/y": b"y"}


def test_an_index_that_is_behind_catches_up(copies: Copies) -> None:
    b = copies["b"]
    write(copies["a"].root / "new", "new")
    copies["a"].tree.scan()
    b.hear(copies["a"])
    before = b.tree.index.fact("base")
    b.tree.bring()
    b.tree.index.remove(b"", [b"new"])  # as after a kill between the two
    b.tree.index.put_fact("base", before)
    b.tree.index.commit()
    b.reopen()
    (b.root / "new").unlink()
    copies.sync()
    assert "new" not in contents(copies["a"].root)


def test_in_step_nothing_is_written(copies: Copies) -> None:
    tree = copies["a"].tree
    in_step.commit(tree.journal, tree.index)
    rows = tree.index.count()
    in_step.catch_up(tree.journal, tree.index)
    assert tree.index.count() == rows
    assert tree.scan().edits == 0


@pytest.mark.parametrize("damage", [None, b"damaged" * 1000])
def test_a_lost_journal_hears_others_first_and_nothing_is_lost_or_returns(
    copies: Copies, damage: bytes | None
) -> None:
    a, b = copies["a"], copies["b"]
    b.close()
    b.place.journal.unlink()
    if damage is not None:
        b.place.journal.write_bytes(damage)
    write(b.root / "mine", "mine")
    b.open()
    assert b.tree.journal.importing
    (a.root / "gone").unlink()
    a.tree.scan()
    b.hear(a)
    copies.sync()
    assert contents(a.root) == contents(b.root)
    assert contents(a.root) == {"kept": None, "kept/x": b"x", "mine": b"mine"}
    assert b.tree.journal.author.replica.incarnation == 2


def test_a_journal_put_back_from_an_old_copy_begins_again(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    b.close()
    old = b.place.journal.read_bytes()
    b.open()
    write(b.root / "later", "later")
    (b.root / "gone").unlink()
    copies.sync()
    b.close()
    b.place.journal.write_bytes(old)
    b.open()
    b.hear(a)
    journal = b.tree.journal
    assert journal.author.is_put_back(journal.vector)
    journal.begin_again()
    copies.sync()
    assert contents(a.root) == contents(b.root)
    assert contents(a.root) == {"kept": None, "kept/x": b"x", "later": b"later"}
