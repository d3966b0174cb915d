"""The file of an index: batches, a full disk, damage."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from simulacra.actors.data.entries import (
    ROOT,
)
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.index_database import (
    BATCH,
    STEPS,
    IndexDamagedError,
    IndexUnusableError,
)
from tests.actors.data.scanning.rows import row


def test_rows_are_committed_by_batches_and_in_order(path: Path) -> None:
    index = Index(path)
    for number in range(BATCH + 10):
        index.put(ROOT, {b"%06d" % number: row(number)})
    index.close()  # as a crash does
    again = Index(path)
    assert list(again.rows(ROOT, limit=2 * BATCH)) == [b"%06d" % n for n in range(BATCH)]
    again.close()


def test_an_index_of_a_newer_simulacra_is_left_alone(path: Path) -> None:
    Index(path).close()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    database.close()
    with pytest.raises(IndexUnusableError, match="newer"):
        Index(path)
    assert not path.with_name("tree.db.damaged").exists()


def test_a_full_disk_is_told_and_what_was_there_is_untouched(path: Path, index: Index) -> None:
    index.put(ROOT, {b"a": row()})
    index.commit()
    index.execute("PRAGMA max_page_count = 12")
    many = {b"%d" % number: row() for number in range(BATCH)}
    with pytest.raises(IndexUnusableError, match="room on the disk"):
        index.put(b"b", many)
    assert index.count() == 1
    index.execute("PRAGMA max_page_count = 100000")
    index.put(ROOT, {b"b": row()})
    index.commit()
    assert index.count() == 2


@pytest.mark.parametrize("seed", range(20))
def test_damage_anywhere_is_found_or_does_no_harm(path: Path, seed: int) -> None:
    """What is read is what was written, or the index is set aside."""
    chance = random.Random(seed)
    written = {b"%03d" % number: row(number) for number in range(300)}
    index = Index(path)
    index.put(ROOT, written)
    index.commit()
    index.close()
    content = bytearray(path.read_bytes())
    for _ in range(20):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    try:
        index = Index(path)
    except IndexUnusableError as error:  # the schema's number was hit
        assert "newer" in str(error)  # noqa: PT017
        return
    try:
        rows = index.rows(ROOT, limit=1000)
    except IndexDamagedError as error:
        index.renew(str(error))
        rows = index.rows(ROOT)
    for each in rows.values():
        assert each.entry == row().entry
    index.close()


def test_a_row_whose_entry_was_changed_is_found(index: Index) -> None:
    index.put(ROOT, {b"a": row()})
    index.execute("UPDATE entries SET entry = CAST(replace(entry, x'64', x'65') AS BLOB)")
    with pytest.raises(IndexDamagedError, match="not what was written"):
        index.row(b"a")
    index.renew("an entry is not what was written")
    assert index.is_empty()
    assert index.is_new
