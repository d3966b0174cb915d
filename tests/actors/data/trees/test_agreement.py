"""Tombstones go when every member has acknowledged them, and nothing comes back by that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from simulacra.actors.data.reconciling.record_plain import RecordError
from simulacra.actors.data.trees import returning
from simulacra.actors.data.trees.agreement import Agreement
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.packing import unpack_record
from tests.actors.data.trees.copies import Copies, Copy, contents

FILES = 30


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        for n in range(FILES):
            write(made["a"].root / f"f{n}", str(n))
        made.acknowledge()
        for n in range(10):
            (made["a"].root / f"f{n}").unlink()
        yield made


def write(path: Path, text: str) -> None:
    """Write a file that was modified long ago, so that nobody waits to be sure of it."""
    path.write_text(text)
    os.utime(path, (1_600_000_000, 1_600_000_000))


def tombstones(copy: Copy) -> int:
    with closing(JournalReader(copy.place.journal)) as reader:
        records = [unpack_record(packed) for _, packed in reader.changes(0, 10_000)]
    return sum(not record.alive for record in records)


def test_they_go_on_both_once_both_have_acknowledged_them(copies: Copies) -> None:
    copies.sync()
    assert copies["a"].tree.sweep(copies["a"].agreement) == 0
    assert copies["a"].agreement.tombstones == 10
    assert copies["a"].agreement.behind
    copies.acknowledge()
    assert copies["a"].tree.sweep(copies["a"].agreement) == 10
    assert copies["a"].agreement.tombstones == 0
    assert (tombstones(copies["a"]), tombstones(copies["b"])) == (0, 10)
    copies["a"].reopen()
    copies.sync()  # who still has them brings none back
    assert tombstones(copies["a"]) == 0
    assert copies["b"].tree.sweep(copies["b"].agreement) == 10
    assert tombstones(copies["b"]) == 0
    assert contents(copies["a"].root) == contents(copies["b"].root)
    assert len(contents(copies["a"].root)) == FILES - 10


def test_what_was_acknowledged_is_known_after_a_restart(copies: Copies) -> None:
    copies.acknowledge()
    copies["a"].tree.sweep(Agreement(copies["a"].place.acknowledged, lambda: ["a", "b", "away"]))
    copies["a"].agreement.hear(copies["b"].agreement.told())
    assert tombstones(copies["a"]) == 10
    copies["a"].tree.sweep(copies["a"].agreement)
    again = Agreement(copies["a"].place.acknowledged, lambda: ["a", "b"])
    assert sorted(again.told()) == sorted(copies["a"].agreement.told())


def test_one_that_never_acknowledges_keeps_them_and_is_named(copies: Copies) -> None:
    copies.acknowledge()
    hosts = ["a", "b", "away"]
    agreement = Agreement(copies["a"].place.acknowledged, lambda: hosts)
    agreement.hear(copies["a"].agreement.told())
    assert copies["a"].tree.sweep(agreement) == 0
    assert (agreement.tombstones, agreement.behind) == (10, ("away",))
    hosts.remove("away")  # it was expelled
    assert copies["a"].tree.sweep(agreement) == 10


@pytest.mark.parametrize("told", [[1], [("a", 1)], [("a", 1, 5)], [("a", "x", [])], 7])
def test_garbage_is_refused(copies: Copies, told: list[object]) -> None:
    with pytest.raises(RecordError):
        copies["a"].agreement.hear(told)


def test_a_damaged_file_is_begun_again(copies: Copies) -> None:
    copies["a"].place.acknowledged.write_bytes(b"\xff\x00")
    assert Agreement(copies["a"].place.acknowledged, lambda: ["a"]).told() == []


def test_an_old_folder_that_is_followed_again_brings_nothing_back(copies: Copies) -> None:
    """It was away when files were deleted, and nobody has kept that for it."""
    b = copies["b"]
    b.close()
    copies.by_host.pop("b")
    copies.acknowledge()
    assert copies["a"].tree.sweep(copies["a"].agreement) == 10
    (b.root / "mine/deep").mkdir(parents=True)
    (b.root / "mine/deep/new").write_text("written while it was away")
    (b.root / "f20").write_text("edited while it was away")
    returning.prepare(b.place, anew=True)
    assert returning.is_evicted(b.place)
    b.reopen()
    copies.by_host["b"] = b
    b.hear(copies["a"])
    copies.sync()
    assert not returning.is_evicted(b.place)
    found = contents(copies["a"].root)
    assert found == {f"f{n}": str(n).encode() for n in range(10, FILES)}
    waits = b.root / ".simulacra-quarantine/b"
    assert returning.quarantined(b.root) == {str(waits): 12}
    assert (waits / "mine/deep/new").read_text() == "written while it was away"
    assert (waits / "f3").read_text() == "3"
    b.tree.scan()  # and half of it being gone is no reason to halt


def test_a_journal_of_another_root_is_put_away_and_what_is_there_is_new(
    copies: Copies, tmp_path: Path
) -> None:
    b = copies["b"]
    b.close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "new").write_text("new")
    b.place = type(b.place)("b", elsewhere, b.place.state)
    returning.prepare(b.place, anew=True)
    b.reopen()
    b.hear(copies["a"])
    copies.sync()
    assert (copies["a"].root / "new").read_text() == "new"
    assert not returning.is_evicted(b.place)


def test_another_signing_key_is_another_member(copies: Copies) -> None:
    b = copies["b"]
    b.close()
    b.place = type(b.place)("b", b.root, b.place.state, "key of before")
    returning.prepare(b.place)
    assert not returning.is_evicted(b.place)
    assert b.place.journal.exists()
    b.place = type(b.place)("b", b.root, b.place.state, "key of now")
    returning.prepare(b.place)
    assert returning.is_evicted(b.place)
    assert not b.place.journal.exists()
    returning.prepare(b.place)  # killed and begun again
    assert returning.is_evicted(b.place)
    b.reopen()
