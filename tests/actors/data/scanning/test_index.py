from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.entries import (
    FOLDER,
    ROOT,
    Attributes,
    Content,
    Entry,
    Fingerprint,
    Kind,
)
from simulacra.actors.data.scanning.index import (
    BATCH,
    SCHEMA,
    Index,
    IndexDamagedError,
    IndexUnusableError,
)
from simulacra.actors.data.scanning.rows import Row

FILE = Content(Kind.FILE, 3, b"d" * 32)
LARGE = 2**64 - 1


def row(inode: int = 1, content: Content = FILE, *, settled: bool = True) -> Row:
    attributes = Attributes(0o644, -5, ((b"user.\xff", b"\0"),))
    return Row(Fingerprint(LARGE, inode, 3, -5, 2**63 - 1), Entry(content, attributes), settled)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tree.db"


@pytest.fixture
def index(path: Path) -> Iterator[Index]:
    index = Index(path)
    yield index
    index.close()


def test_what_was_put_is_there(path: Path, index: Index) -> None:
    link = row(LARGE, Content(Kind.LINK, 1, b"e" * 32, b"\xff"), settled=False)
    index.put(ROOT, {b"\xff\n": row(), b"a": row(2, FOLDER)})
    index.put(b"a", {b"link": link})
    index.commit()
    index.close()
    again = Index(path)
    assert not again.is_new
    assert again.row(b"\xff\n") == row()
    assert again.row(b"a/link") == link
    assert again.row(b"a/nothing") is again.row(b"b/a") is None
    assert again.rows(b"a") == {b"link": link}
    assert again.count() == 3
    again.close()


def test_an_inode_is_found_wherever_it_is(index: Index) -> None:
    index.put(ROOT, {b"a": row(7), b"b": row(8)})
    index.put(b"c", {b"a": row(7)})
    assert index.at_inode(LARGE, 7).keys() == {b"a", b"c/a"}
    assert index.at_inode(1, 7) == {}


def test_folders_are_met_after_what_is_in_them(index: Index) -> None:
    for each in (b"a", b"a/b", b"a/b/c", b"a-", b"a0", b"b"):
        index.put(each, {b"x": row()})
    met: list[bytes] = []
    folder = index.last_folder(b"a")
    while folder is not None:
        met.append(folder)
        folder = index.last_folder(b"a", before=folder)
    assert met == [b"a/b/c", b"a/b", b"a"]


def test_what_was_removed_is_gone_with_its_folder(index: Index) -> None:
    index.put(b"a", {b"x": row(), b"y": row()})
    index.remove(b"a", [b"x", b"never there"])
    assert index.rows(b"a").keys() == {b"y"}
    index.remove(b"a", [b"y"])
    index.remove(b"nowhere", [b"y"])
    assert index.last_folder(b"a") is None
    assert index.is_empty()


def test_rows_are_committed_by_batches_and_in_order(path: Path) -> None:
    index = Index(path)
    for number in range(BATCH + 10):
        index.put(ROOT, {b"%06d" % number: row(number)})
    index.close()  # as a crash does
    again = Index(path)
    assert list(again.rows(ROOT, limit=2 * BATCH)) == [b"%06d" % n for n in range(BATCH)]
    again.close()


def test_doubts_are_paged_and_counted(index: Index) -> None:
    index.put(ROOT, {b"a": row(1, FOLDER), b"b": row()})
    index.put(b"a", {b"%d" % number: row() for number in range(BATCH + 5)})
    index.put(b"a0", {b"x": row()})
    index.doubt(ROOT, {b"a": False, b"b": True})
    assert index.count_doubted() == BATCH + 6
    index.doubt(b"a", {b"%d" % number: False for number in range(BATCH)})
    first = index.doubts(None)
    rest = index.doubts(first[-1][:2])
    assert (len(first), len(rest)) == (BATCH, 2)
    assert first[:2] == [(ROOT, b"a", False), (ROOT, b"b", True)]
    index.forget_doubts()
    assert index.doubts(None) == []


def test_facts_are_kept(path: Path, index: Index) -> None:
    assert index.fact("x") is None
    index.put_fact("x", [1, LARGE])
    index.commit()
    assert index.fact("x") == [1, LARGE]


def test_an_index_of_a_newer_simulacra_is_left_alone(path: Path) -> None:
    Index(path).close()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    database.close()
    with pytest.raises(IndexUnusableError, match="newer"):
        Index(path)
    assert not path.with_name("tree.db.damaged").exists()


def test_a_full_disk_is_told_and_what_was_there_is_untouched(path: Path, index: Index) -> None:
    index.put(ROOT, {b"a": row()})
    index.commit()
    index._database.execute("PRAGMA max_page_count = 12")
    many = {b"%d" % number: row() for number in range(BATCH)}
    with pytest.raises(IndexUnusableError, match="room on the disk"):
        index.put(b"b", many)
    assert index.count() == 1
    index._database.execute("PRAGMA max_page_count = 100000")
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
    index._database.execute("UPDATE entries SET entry = CAST(replace(entry, x'64', x'65') AS BLOB)")
    with pytest.raises(IndexDamagedError, match="not what was written"):
        index.row(b"a")
    index.renew("an entry is not what was written")
    assert index.is_empty()
    assert index.is_new
