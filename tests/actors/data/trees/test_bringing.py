"""What is known comes to the disk, or is left with the reason."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from simulacra.actors.data.entries import TEMPORARY
from simulacra.actors.data.trees import bringing
from simulacra.actors.data.trees.asking import MissingError, Piece
from simulacra.actors.data.trees.local_tree import LocalTree
from tests.actors.data.trees.copies import Copies, Copy, InReach, contents
from tests.actors.data.trees.test_local_tree import OLD, write
from tests.disks import small_disk

MEGABYTE = 1 << 20


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        yield made


def hear_all(copies: Copies) -> dict[bytes, str]:
    """All of `a` comes to `b`; what is left there."""
    copies["a"].tree.scan()
    copies["b"].tree.scan()
    copies["b"].hear(copies["a"])
    return copies["b"].tree.bring().left


def large(seed: int, size: int = 3 * MEGABYTE) -> bytes:
    return random.Random(seed).randbytes(size)


# -- one pack is fetched while the one before is written


def test_files_of_several_packs_come_and_each_is_asked_for_once(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bringing, "MOST", 3)
    asked: list[bytes] = []
    pieces = InReach.pieces

    def noting(self: InReach, wanted: Sequence[Piece]) -> Iterator[memoryview | bytes | None]:
        asked.extend(each.digest for each in wanted)
        return pieces(self, wanted)

    monkeypatch.setattr(InReach, "pieces", noting)
    for number in range(10):
        write(copies["a"].root / f"folder {number % 2}" / str(number), str(number))
    assert hear_all(copies) == {}
    assert contents(copies["b"].root) == contents(copies["a"].root)
    assert len(asked) == len(set(asked)) == 10


def test_what_was_planned_when_it_is_stopped_is_done_later(copies: Copies) -> None:
    for number in range(10):
        write(copies["a"].root / str(number), str(number))
    copies["a"].tree.scan()
    b = copies["b"]
    b.close()
    stopping = [False, True]
    b.tree = LocalTree(b.place, b.remotes, stopping=lambda: stopping.pop(0) if stopping else False)
    b.tree.scan()
    b.hear(copies["a"])
    b.place.partial.mkdir()
    write(b.place.partial / "begun", "to be gone on with")
    b.tree.bring()
    assert contents(b.root) == {}
    assert (b.place.partial / "begun").exists()
    b.tree.bring()
    assert contents(b.root) == contents(copies["a"].root)
    assert not (b.place.partial / "begun").exists()


# -- what is kept


def test_extended_attributes_follow_and_go(copies: Copies) -> None:
    a, b = copies["a"].root / "x", copies["b"].root / "x"
    write(a, "x")
    os.setxattr(a, "user.colour", b"red")
    hear_all(copies)
    assert os.getxattr(b, "user.colour") == b"red"
    os.removexattr(a, "user.colour")
    assert hear_all(copies) == {}
    assert os.listxattr(b) == []


def test_an_attribute_that_a_disk_cannot_keep_is_no_edit_of_that_host(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = copies["a"], copies["b"]
    write(a.root / "x", "x")
    os.setxattr(a.root / "x", "user.large", b"1")
    os.setxattr(a.root / "x", "user.small", b"1")
    set_xattr = os.setxattr

    def refuse(what: int | str, name: bytes, value: bytes) -> None:
        if name == b"user.large":
            raise OSError(28, "No space left on device")
        set_xattr(what, name, value)

    with monkeypatch.context() as patched:
        patched.setattr(os, "setxattr", refuse)
        hear_all(copies)
    assert os.listxattr(b.root / "x") == ["user.small"]
    write(b.root / "x", "edited")
    (b.root / "x").rename(b.root / "y")
    os.utime(b.root / "y", (OLD + 5, OLD + 5))
    copies.sync()
    assert sorted(os.listxattr(a.root / "y")) == ["user.large", "user.small"]
    assert (a.root / "y").read_text() == "edited"
    (a.root / "y").chmod(0o600)
    copies.sync()
    assert (b.root / "y").stat().st_mode & 0o777 == 0o600


def test_a_sparse_file_stays_sparse(copies: Copies) -> None:
    with (copies["a"].root / "sparse").open("wb") as file:
        file.truncate(64 * MEGABYTE)
        file.seek(32 * MEGABYTE)
        file.write(b"in the middle" * 1000)
    copies.sync()
    there = copies["b"].root / "sparse"
    assert there.stat().st_size == 64 * MEGABYTE
    assert there.stat().st_blocks * 512 < 2 * MEGABYTE
    assert there.read_bytes() == (copies["a"].root / "sparse").read_bytes()


def test_what_is_read_only_follows_and_is_replaced_and_removed(copies: Copies) -> None:
    a, b = copies["a"].root, copies["b"].root
    write(a / "folder/x", "x")
    (a / "folder/x").chmod(0o444)
    (a / "folder").chmod(0o555)
    copies.sync()
    assert (b / "folder").stat().st_mode & 0o777 == 0o555
    (a / "folder").chmod(0o755)
    (a / "folder/x").unlink()
    write(a / "folder/x", "another")
    (a / "folder").chmod(0o555)
    copies.sync()
    assert (b / "folder/x").read_text() == "another"
    for root in (a, b):
        assert (root / "folder").stat().st_mode & 0o777 == 0o555
    (a / "folder").chmod(0o755)
    (a / "folder/x").unlink()
    (a / "folder").rmdir()
    copies.sync()
    assert contents(b) == {}


def test_a_deleted_folder_with_ignored_files_in_it_stays_with_the_reason(copies: Copies) -> None:
    a, b = copies["a"].root, copies["b"].root
    write(a / ".simulacraignore", "*.o\n")
    write(a / "build/x.c", "x")
    copies.sync()
    write(b / "build/x.o", "object")
    (a / "build/x.c").unlink()
    (a / "build").rmdir()
    left = hear_all(copies)
    assert left == {b"build": os.strerror(errno.ENOTEMPTY)}  # its path is named already
    assert contents(b / "build") == {"x.o": b"object"}
    (b / "build/x.o").unlink()
    assert hear_all(copies) == {}
    assert not (b / "build").exists()


# -- edits meanwhile


def test_an_edit_that_was_not_seen_yet_is_not_replaced(copies: Copies) -> None:
    a, b = copies["a"].root / "x", copies["b"].root / "x"
    write(a, "one")
    copies.sync()
    write(a, "from a")
    copies["a"].tree.scan()
    copies["b"].hear(copies["a"])
    b.write_text("from b, unseen")
    left = copies["b"].tree.bring().left
    assert list(left) == [b"x"]
    assert b.read_text() == "from b, unseen"
    copies.sync()
    values = set(contents(copies["a"].root).values())
    assert values == {b"from a", b"from b, unseen"}
    assert contents(copies["a"].root) == contents(copies["b"].root)


def test_a_file_that_a_program_writes_to_is_left_until_it_is_closed(copies: Copies) -> None:
    write(copies["a"].root / "log", "one")
    copies.sync()
    with (copies["b"].root / "log").open("a"):
        write(copies["a"].root / "log", "two, from a")
        left = hear_all(copies)
        assert list(left) == [b"log"]
    assert hear_all(copies) == {}
    assert (copies["b"].root / "log").read_text() == "two, from a"


def test_what_may_not_be_read_is_neither_gone_nor_told(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(copies["a"].root / "x", "x")
    copies.sync()
    (copies["a"].root / "x").chmod(0)
    opened = os.open

    def refuse(name: bytes | str, flags: int, *rest: int, **named: int) -> int:
        if name == b"x":  # root, who runs tests, may read all
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(name, flags, *rest, **named)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        taken = copies["a"].tree.scan()
    assert [str(why.reason) for why in taken.skipped.values()] == ["permission denied"]
    assert taken.edits == 0
    copies.sync()
    assert (copies["b"].root / "x").stat().st_mode & 0o777 == 0


# -- where bytes come from


class Counted(InReach):
    """Counts the bytes that are asked for, and may break off, or give what is wrong."""

    def __init__(self, copy: Copy, breaks_after: int = 1 << 60) -> None:
        super().__init__(copy)
        self.left = breaks_after
        self.sent = 0

    def pieces(self, pieces: Sequence[Piece]) -> Iterator[memoryview | None]:
        for piece, data in zip(pieces, super().pieces(pieces), strict=True):
            if self.left < piece.length:
                raise MissingError("the line broke")
            self.left -= piece.length
            self.sent += piece.length
            yield data


class Wrong(InReach):
    """Says other bytes than it was asked for."""

    def pieces(self, pieces: Sequence[Piece]) -> Iterator[memoryview | None]:
        for piece in pieces:
            yield memoryview(b"\0" * piece.length)


def only(copy: Copy, *remotes: InReach) -> None:
    """From now on it can ask these alone."""
    copy.close()
    copy.remotes = lambda: list(remotes)  # type: ignore[method-assign]
    copy.open()


def test_a_large_file_goes_on_where_it_was(copies: Copies) -> None:
    content = large(1)
    write(copies["a"].root / "large", content)
    broken = Counted(copies["a"], breaks_after=2 * MEGABYTE)
    only(copies["b"], broken)
    left = hear_all(copies)
    assert list(left) == [b"large"]
    assert "cannot be had now" in left[b"large"]
    rest = Counted(copies["a"])
    only(copies["b"], rest)  # after a restart, too
    assert copies["b"].tree.bring().left == {}
    assert (copies["b"].root / "large").read_bytes() == content
    # The chunk that was cut comes once more.
    assert len(content) <= broken.sent + rest.sent < len(content) + 100_000
    assert broken.sent > MEGABYTE
    assert list(copies["b"].place.partial.iterdir()) == []


def test_what_was_begun_for_a_file_that_is_gone_is_not_kept(copies: Copies) -> None:
    write(copies["a"].root / "large", large(1))
    only(copies["b"], Counted(copies["a"], breaks_after=2 * MEGABYTE))
    hear_all(copies)
    assert len(list(copies["b"].place.partial.iterdir())) == 1
    (copies["a"].root / "large").unlink()
    assert hear_all(copies) == {}
    assert list(copies["b"].place.partial.iterdir()) == []


@pytest.mark.parametrize("size", [100, 3 * MEGABYTE])
def test_wrong_bytes_are_noticed_and_come_from_another_host(tmp_path: Path, size: int) -> None:
    with Copies(tmp_path, "a", "b", "c") as copies:
        write(copies["a"].root / "x", large(2, size))
        copies.sync()
        write(copies["a"].root / "x", large(3, size))
        copies["a"].tree.scan()
        copies["b"].hear(copies["a"])
        only(copies["b"], Wrong(copies["c"]))
        left = copies["b"].tree.bring().left
        assert list(left) == [b"x"]
        assert (copies["b"].root / "x").read_bytes() == large(2, size)
        only(copies["b"], Wrong(copies["c"]), InReach(copies["a"]))
        assert copies["b"].tree.bring().left == {}
        assert (copies["b"].root / "x").read_bytes() == large(3, size)


@pytest.mark.parametrize("size", [100, 3 * MEGABYTE])
def test_bytes_that_were_displaced_here_are_not_fetched(copies: Copies, size: int) -> None:
    a, b = copies["a"], copies["b"]
    write(a.root / "x", large(4, size))
    copies.sync()
    write(a.root / "x", "short")
    copies.sync()
    write(a.root / "again", large(4, size))
    a.tree.scan()
    b.hear(a)
    a.reachable = False
    assert b.tree.bring().left == {}
    assert (b.root / "again").read_bytes() == large(4, size)


@pytest.mark.parametrize("size", [100, 3 * MEGABYTE])
def test_bytes_that_were_displaced_are_served(tmp_path: Path, size: int) -> None:
    with Copies(tmp_path, "a", "b", "c") as copies:
        a, b, c = (copies[host] for host in "abc")
        write(a.root / "x", large(5, size))
        a.tree.scan()
        for each in (b, c):
            each.tree.scan()
            each.hear(a)
        b.tree.bring()
        write(a.root / "x", "short")
        hear_all(copies)
        a.reachable = False
        c.tree.bring()
        assert (c.root / "x").read_bytes() == large(5, size)


def test_a_full_disk_leaves_what_was_there_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8M") as disk:
        (tmp_path / "b").symlink_to(disk)
        with Copies(tmp_path, "a", "b") as copies:
            b = copies["b"]
            write(copies["a"].root / "x", "x")
            copies.sync()
            write(b.root / "mine", large(1, 3 * MEGABYTE))
            b.tree.scan()
            write(copies["a"].root / "x", "x, edited")
            write(copies["a"].root / "large", large(2, 6 * MEGABYTE))
            left = hear_all(copies)
            assert list(left) == [b"large"]
            assert (b.root / "x").read_text() == "x, edited"
            names = [path.name for path in b.root.iterdir()]
            assert not [name for name in names if os.fsencode(name).startswith(TEMPORARY)]
            subprocess.run(["mount", "-o", "remount,size=40M", disk], check=True)
            copies.sync()
            assert contents(b.root) == contents(copies["a"].root)


def test_a_file_that_changes_while_it_is_read_comes_later(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copies["a"].root / "x"
    write(path, "one")
    stat, times = os.fstat, iter(range(3))

    def edited(descriptor: int) -> os.stat_result:
        found = stat(descriptor)
        if found.st_ino == path.stat().st_ino and next(times, None) is not None:
            path.write_text("changed " + str(time.monotonic_ns()))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", edited)
        taken = copies["a"].tree.scan()
    assert [str(why.reason) for why in taken.skipped.values()] == ["changes while it is read"]
    copies.sync()
    assert contents(copies["b"].root) == {"x": path.read_bytes()}
