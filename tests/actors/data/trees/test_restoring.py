"""Versions are put back as edits, wherever they are kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.reconciling.contested import at
from simulacra.actors.data.reconciling.dots import Dot, Event, Replica
from simulacra.actors.data.reconciling.records import remove
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.restoring import RestoreError
from tests.actors.data.trees.copies import Copies, contents
from tests.actors.data.trees.test_local_tree import write
from tests.disks import other_disk
from tests.support import eventually


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        for text in ("first", "second", "third"):
            write(made["a"].root / "x", text)
            made.sync()
        yield made


def test_the_newest_comes_back_in_its_place_and_what_was_there_is_kept(copies: Copies) -> None:
    restored = copies["b"].tree.restorer.restore(b"x")
    assert restored.exact
    copies.sync()
    assert contents(copies["a"].root) == {"x": b"second"} == contents(copies["b"].root)
    kept = [each.entry.content.size for each in copies["b"].tree.versions.of(b"x")]
    assert kept == [len(each) for each in ("third", "second", "first")]


def test_one_of_a_deleted_folder_brings_the_folder_back(copies: Copies) -> None:
    write(copies["a"].root / "deep/er/y", "y")
    (copies["a"].root / "link").symlink_to("x")
    copies.sync()
    shutil.rmtree(copies["a"].root / "deep")
    (copies["a"].root / "link").unlink()
    copies.sync()
    restorer = copies["b"].tree.restorer
    assert restorer.restore(b"deep/er/y").path == b"deep/er/y"
    assert restorer.restore(b"link", to=b"new/link").exact
    copies.sync()
    assert contents(copies["a"].root) == {
        "deep": None,
        "deep/er": None,
        "deep/er/y": b"y",
        "new": None,
        "new/link": "x",
        "x": b"third",
    }


def test_what_a_program_wrote_after_it_was_displaced_comes_back_with_it(copies: Copies) -> None:
    newest = copies["b"].tree.versions.of(b"x")[0]
    with (copies["b"].place.versions / str(newest.number)).open("ab") as late:
        late.write(b" and more")
    assert not copies["b"].tree.restorer.restore(b"x").exact
    copies.sync()
    assert contents(copies["a"].root) == {"x": b"second and more"}


def test_it_replaces_no_folder_and_no_edit_that_nobody_saw(copies: Copies) -> None:
    (copies["b"].root / "folder").mkdir()
    copies.sync()
    restorer = copies["b"].tree.restorer
    with pytest.raises(RefusedError, match="a folder is there"):
        restorer.restore(b"x", to=b"folder")
    write(copies["b"].root / "x", "just now")
    write(copies["b"].root / "new", "just now")
    for to in (b"x", b"new"):
        with pytest.raises(RefusedError):
            restorer.restore(b"x", to=to)
        assert (copies["b"].root / to.decode()).read_bytes() == b"just now"
    for path, number in ((b"x", 99), (b"nothing", None)):
        with pytest.raises(RestoreError, match="on this host"):
            restorer.restore(path, number)


def test_versions_are_on_the_file_system_of_the_tree(tmp_path: Path) -> None:
    with other_disk(tmp_path) as other:
        root, state = other / "root", tmp_path / "state"
        root.mkdir()
        place = Place("a", root, state)
        write(root / "x", "first")
        tree = LocalTree(place)
        try:
            tree.scan()
            (root / "y").write_bytes(b"to be kept")
            tree.scan()
            inode = (root / "y").stat().st_ino
            bring_away(tree, b"y")
            kept = list((root / ".simulacra-versions").iterdir())
            assert [each.stat().st_ino for each in kept] == [inode]
            assert tree.scan().edits == 0
            assert tree.restorer.restore(b"y").exact
            assert contents(root)["y"] == b"to be kept"
        finally:
            tree.close()
        again = LocalTree(place)
        assert [each.path for each in again.versions.of(b"y")] == [b"y"]
        again.close()


def bring_away(tree: LocalTree, path: bytes) -> None:
    """Have sync delete something, as if another host had."""
    place = at(path, tree.journal)
    assert place is not None
    record = tree.journal.record(place.row.id)
    assert record is not None
    event = Event(record.latest.next(), Dot(Replica("b", 1), 1))
    gone = remove(record, event, seen=record.alive)
    tree.take(Replica("b", 1), [gone], 1, {Replica("b", 1): 1})
    eventually(lambda: not tree.bring().left)
