"""Texts are remembered as they were synced; losing some of them costs nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.content.chunk_store import ChunkStoreError
from simulacra.actors.data.content.manifest import hash_of
from simulacra.actors.data.entries import Content
from simulacra.actors.data.entries import Path as TreePath
from simulacra.actors.data.trees.bases import BATCH_RECORDS, LIMIT, Bases, Read
from tests.actors.data.trees.copies import Copies, Copy
from tests.actors.data.trees.test_local_tree import write


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    with Copies(tmp_path, "a") as copies:
        yield copies["a"]


def reader(copy: Copy, read: list[TreePath]) -> Read:
    def look(path: TreePath, _: Content) -> bytes | None:
        read.append(path)
        data = (copy.root / path.decode()).read_bytes()
        return None if b"\0" in data else data

    return look


def opened(copy: Copy, folder: Path, limit: int = LIMIT) -> Bases:
    return Bases(folder, copy.tree.journal, limit)


def test_texts_are_remembered_a_batch_at_a_time_and_read_once(copy: Copy, tmp_path: Path) -> None:
    count = BATCH_RECORDS + 10
    for number in range(count):
        write(copy.root / f"f{number}", f"text {number}")
    write(copy.root / "binary", b"\0")
    copy.tree.scan()
    read: list[TreePath] = []
    look = reader(copy, read)
    bases = opened(copy, tmp_path / "bases")
    assert bases.fill(look)
    assert not bases.fill(look)
    assert len(read) == count + 1
    assert bases.find(hash_of(b"text 7")) == b"text 7"
    assert bases.find(hash_of(b"\0")) is None
    bases.close()
    again = opened(copy, tmp_path / "bases")
    assert not again.fill(look)
    write(copy.root / "f7", "another")
    copy.tree.scan()
    assert not again.fill(look)
    assert read[count + 1 :] == [b"f7"]
    assert {again.find(hash_of(text)) for text in (b"text 7", b"another")} == {
        b"text 7",
        b"another",
    }
    again.close()


def test_over_the_limit_the_oldest_go(copy: Copy, tmp_path: Path) -> None:
    chance = random.Random(1)
    texts = [chance.randbytes(500_000).hex().encode() for _ in range(30)]
    bases = opened(copy, tmp_path / "bases", limit=8 << 20)
    for number, text in enumerate(texts):
        write(copy.root / f"f{number}", text)
        copy.tree.scan()
        while bases.fill(reader(copy, [])):
            pass
    rows = [copy.tree.journal.row(b"f%d" % number) for number in range(30)]
    found = [bases.find(row.entry.content.digest) for row in rows if row is not None]
    assert found[-1] == texts[-1]
    assert found[0] is None
    bases.close()


def test_a_store_that_fails_is_done_without(
    copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(copy.root / "x", "text")
    copy.tree.scan()
    bases = opened(copy, tmp_path / "bases")

    def full(*_: object, **__: object) -> None:
        raise ChunkStoreError("the disk is full")

    monkeypatch.setattr("simulacra.actors.data.content.chunk_store.ChunkStore.put", full)
    assert not bases.fill(reader(copy, []))
    assert "the disk is full" in caplog.text
    assert not bases.fill(reader(copy, []))
    assert bases.find(hash_of(b"text")) is None
    bases.close()
