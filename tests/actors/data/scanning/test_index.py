from __future__ import annotations

from pathlib import Path

from simulacra.actors.data.entries import (
    FOLDER,
    ROOT,
    Content,
    Kind,
)
from simulacra.actors.data.scanning.index import Index
from tests.actors.data.scanning.rows import LARGE, row


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


def test_facts_are_kept(path: Path, index: Index) -> None:
    assert index.fact("x") is None
    index.put_fact("x", [1, LARGE])
    index.commit()
    assert index.fact("x") == [1, LARGE]
