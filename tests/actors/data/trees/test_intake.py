"""What a scan takes for edits, and when it asks."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.content import cutting
from simulacra.actors.data.content.manifest import Chunk
from simulacra.actors.data.scanning.ignoring import Choice
from simulacra.actors.data.scanning.roots import RootError, RootTrouble
from simulacra.actors.data.trees.intake import DoubtError
from simulacra.actors.data.trees.local_tree import LocalTree
from tests.actors.data.trees.copies import Copies, contents
from tests.actors.data.trees.test_local_tree import write


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        for number in range(20):
            write(made["a"].root / f"folder/{number}", str(number))
        made.sync()
        yield made


def test_more_than_half_gone_is_doubted_and_nothing_is_deleted(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    first, *others = list((a.root / "folder").iterdir())[:12]
    for path in others:
        path.unlink()
    first.rename(a.root / "new").write_text("new")  # an inode that is given out again looks so
    with pytest.raises(DoubtError) as doubt:
        a.tree.scan()
    assert (doubt.value.gone, doubt.value.known) == (12, 21)
    b.hear(a)
    assert not b.tree.bring().left
    assert len(contents(b.root)) == 22
    with pytest.raises(DoubtError):
        a.tree.scan()
    assert a.tree.scan(sure=True).edits == 12
    b.hear(a)
    b.tree.bring()
    assert contents(b.root) == contents(a.root)
    assert len(contents(b.root)) == 10


def test_an_inode_that_was_given_out_again_deletes_nothing_that_is_doubted(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    [reused, *gone] = list((a.root / "folder").iterdir())[:12]
    for path in gone:
        path.unlink()
    reused.rename(a.root / "new")  # as a disk does that gives a new file the inode of an old one
    write(a.root / "new", "new")
    with pytest.raises(DoubtError) as doubt:
        a.tree.scan()
    assert doubt.value.gone == 12
    b.hear(a)
    assert not b.tree.bring().left
    assert len(contents(b.root)) == 22
    assert a.tree.scan(sure=True).edits == 12
    b.hear(a)
    assert not b.tree.bring().left
    assert contents(b.root) == contents(a.root)


def test_a_folder_that_was_emptied_and_is_another_one_now_deletes_nothing_that_is_doubted(
    copies: Copies,
) -> None:
    a, b = copies["a"], copies["b"]
    for path in (a.root / "folder").iterdir():
        path.unlink()
    (a.root / "folder").rename(a.root / "other")
    write(a.root / "other/new", "new")
    with pytest.raises(DoubtError):
        a.tree.scan()
    b.hear(a)
    assert not b.tree.bring().left
    assert len(contents(b.root)) == 23
    a.tree.scan(sure=True)
    copies.sync()
    assert contents(b.root) == {"other": None, "other/new": b"new"}


def test_of_a_folder_that_was_moved_what_is_gone_is_doubted(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    for path in list((a.root / "folder").iterdir())[:15]:
        path.unlink()
    (a.root / "folder").rename(a.root / "other")
    with pytest.raises(DoubtError) as doubt:
        a.tree.scan()
    assert doubt.value.gone == 15
    b.hear(a)
    assert not b.tree.bring().left
    assert len([path for path in contents(b.root) if path.startswith("other/")]) == 20
    write(a.root / "other/3", "3")  # it was a mistake, of one
    write(b.root / "other/7", "edited")
    with pytest.raises(DoubtError):
        a.tree.scan()
    a.tree.scan(sure=True)
    copies.sync()
    assert contents(a.root) == contents(b.root)
    assert {"other/3", "other/7"} <= contents(a.root).keys()


def test_what_is_taken_on_the_way_deletes_nothing_that_is_doubted(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulacra.actors.data.trees.intake.MOST", 2)
    a, b = copies["a"], copies["b"]
    for path in list((a.root / "folder").iterdir())[:15]:
        path.unlink()
    (a.root / "folder").rename(a.root / "other")
    with pytest.raises(DoubtError):
        a.tree.scan()
    b.hear(a)
    b.tree.bring()
    there = {content for content in contents(b.root).values() if content is not None}
    assert there == {str(number).encode() for number in range(20)}
    a.tree.scan(sure=True)
    copies.sync()
    assert len(contents(b.root)) == 6
    assert contents(b.root) == contents(a.root)


def test_what_was_moved_is_not_doubted(copies: Copies) -> None:
    (copies["a"].root / "folder").rename(copies["a"].root / "other")
    copies["a"].tree.scan()
    assert "other/3" in contents(copies["a"].root)
    copies.sync()
    assert contents(copies["b"].root) == contents(copies["a"].root)


def test_a_root_that_is_missing_is_no_tree_in_which_all_was_deleted(copies: Copies) -> None:
    root = copies["a"].root
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(RootError) as error:
        copies["a"].tree.scan()
    assert error.value.trouble is RootTrouble.MISSING
    root.with_name("elsewhere").rename(root)
    assert copies["a"].tree.scan().edits == 0


def test_an_empty_folder_in_place_of_the_root_is_doubted_until_the_user_is_sure(
    copies: Copies,
) -> None:
    a = copies["a"]
    a.root.rename(a.root.with_name("elsewhere"))
    a.root.mkdir()
    a.reopen()
    with pytest.raises(RootError) as error:
        a.tree.scan()
    assert error.value.trouble is RootTrouble.OTHER_AND_EMPTY
    a.tree.scan(sure=True)
    copies["b"].hear(a)
    copies["b"].tree.bring()
    assert contents(copies["b"].root) == {}
    assert len(copies["b"].tree.versions.latest(99)) == 20


def test_a_root_on_another_file_system_halts_until_the_user_is_sure(copies: Copies) -> None:
    a = copies["a"]
    a.tree.index.put_fact("file system", [1, 1])
    a.tree.index.commit()
    with pytest.raises(RootError) as error:
        a.tree.scan()
    assert error.value.trouble is RootTrouble.OTHER_FILE_SYSTEM
    assert a.tree.scan(sure=True).edits == 0
    assert a.tree.scan().edits == 0


def test_of_a_large_file_what_was_not_edited_is_not_cut_again(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = copies["a"], copies["b"]
    path = a.root / "large"
    write(path, random.Random(1).randbytes(3_000_000))
    copies.sync()
    cut: list[int] = []
    cut_anew = cutting._cut

    def noted(data: memoryview, start: int, average: int) -> Iterator[Chunk]:
        for chunk in cut_anew(data, start, average):
            cut.append(chunk.length)
            yield chunk

    with monkeypatch.context() as patched:
        patched.setattr(cutting, "_cut", noted)
        with path.open("r+b") as file:
            file.seek(1_000_000)
            file.write(b"edited")
        assert a.tree.scan().edits == 1
    assert 0 < sum(cut) < 300_000
    copies.sync()
    assert contents(b.root)["large"] == path.read_bytes()


def test_what_cannot_be_kept_is_listed_with_the_reason(copies: Copies) -> None:
    root = copies["a"].root
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.fspath(root / "socket"))
    taken = copies["a"].tree.scan()
    assert {path: str(why.reason) for path, why in taken.skipped.items()} == {
        b"pipe": "a pipe",
        b"socket": "a socket",
    }
    assert taken.edits == 0
    copies.sync()
    assert "pipe" not in contents(copies["b"].root)


def test_what_is_ignored_after_it_was_synced_is_forgotten_here_and_nowhere_deleted(
    copies: Copies,
) -> None:
    a, b = copies["a"], copies["b"]
    write(a.root / ".simulacraignore", "/folder/7\n")
    copies.sync()
    assert (a.root / "folder/7").exists()
    assert (b.root / "folder/7").exists()
    write(a.root / "folder/7", "edited here alone")
    copies.sync()
    assert (b.root / "folder/7").read_text() == "7"
    assert (a.root / "folder/7").read_text() == "edited here alone"


def test_a_host_that_wants_a_part_has_that_part(tmp_path: Path) -> None:
    with Copies(tmp_path, "a", "b") as copies:
        a, b = copies["a"], copies["b"]
        b.close()
        b.tree = LocalTree(b.place, b.remotes, Choice((), ("/folder/1*",)))
        for number in range(20):
            write(a.root / f"folder/{number}", str(number))
        copies.sync()
        assert set(contents(a.root)) - set(contents(b.root)) == {
            f"folder/{number}" for number in (1, *range(10, 20))
        }
        write(b.root / "folder/1", "another one, and not wanted here either")
        copies.sync()
        assert (a.root / "folder/1").read_text() == "1"


def test_names_that_are_no_text_and_long_and_deep_ones_come_over(copies: Copies) -> None:
    root = os.fsencode(copies["a"].root)
    names = [b"\xff\xfe", "é".encode(), "é".encode(), b"new\nline", b"n" * 255, b" "]
    for name in names:
        with open(root + b"/" + name, "wb") as file:
            file.write(name)
    deep = copies["a"].root / "/".join(["deep"] * 60)
    deep.mkdir(parents=True)
    write(deep / "x", "x")
    copies.sync()
    for name in names:
        with open(os.fsencode(copies["b"].root) + b"/" + name, "rb") as file:
            assert file.read() == name
    assert contents(copies["b"].root) == contents(copies["a"].root)


def test_a_link_is_kept_as_a_link_and_never_followed(tmp_path: Path, copies: Copies) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (copies["a"].root / "way out").symlink_to(outside)
    copies.sync()
    assert (copies["b"].root / "way out").readlink() == outside
    (copies["b"].root / "way out").unlink()
    write(copies["b"].root / "way out/in", "in")
    copies.sync()
    assert (copies["a"].root / "way out/in").read_text() == "in"
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_clock_that_jumps_loses_no_edit(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = copies["a"], copies["b"]
    year = 365 * 24 * 3600 * 10**9
    with monkeypatch.context() as patched:
        _jump(patched, year)
        write(a.root / "folder/3", "in a year")
        a.tree.scan()
    b.hear(a)
    b.tree.bring()
    with monkeypatch.context() as patched:
        _jump(patched, -year)
        write(b.root / "folder/3", "a year ago")
        b.tree.scan()
    copies.sync()
    assert (a.root / "folder/3").read_text() == "a year ago"
    assert contents(a.root) == contents(b.root)


def _jump(patched: pytest.MonkeyPatch, by: int) -> None:
    now, clock = time.time_ns, time.clock_gettime_ns
    patched.setattr("time.time_ns", lambda: now() + by)
    patched.setattr("time.clock_gettime_ns", lambda which: clock(which) + by)
