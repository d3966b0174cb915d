from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from simulacra.actors.data.content.chunking import digest_file
from simulacra.actors.data.content.version_catalogue import Version
from simulacra.actors.data.content.versions import (
    LOST,
    Displaced,
    Versions,
    VersionsError,
    open_kept,
)
from simulacra.actors.data.entries import FOLDER, Attributes, Content, Entry, Kind
from simulacra.actors.databases import DatabaseError
from tests.disks import small_disk
from tests.killing import killed, needs_strace, points
from tests.support import examples

SECOND = 10**9
NOW = 1_700_000_000 * SECOND


@contextmanager
def opened(
    folder: Path, most_bytes: int = 10**9, most_ns: int = 3600 * SECOND
) -> Iterator[Versions]:
    with Versions(folder, most_bytes=most_bytes, most_ns=most_ns) as versions:
        yield versions


@contextmanager
def tree(root: Path) -> Iterator[int]:
    root.mkdir(exist_ok=True)
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def displaced(root: int, name: bytes, content: bytes, path: bytes = b"a/\xff") -> Displaced:
    """A file in a folder, as sync displaced it."""
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640, dir_fd=root)
    try:
        os.pwrite(descriptor, content, 0)
        entry = Entry(
            digest_file(descriptor).content, Attributes(0o640, NOW, ((b"user.a", b"\0b"),))
        )
    finally:
        os.close(descriptor)
    return Displaced(path, entry, root, name)


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def link(root: int, name: bytes, target: bytes) -> Displaced:
    os.symlink(target, name, dir_fd=root)
    content = Content(Kind.LINK, len(target), blake3(target).digest(), target)
    return Displaced(b"link", Entry(content, Attributes(0o777)), root, name)


def restored(versions: Versions, version: Version, where: Path) -> bytes:
    with where.open("w+b") as file:
        assert versions.restore(version.number, file.fileno())
    return where.read_bytes()


def test_what_was_displaced_is_kept_and_comes_back(tmp_path: Path) -> None:
    with tree(tmp_path / "tree") as root, opened(tmp_path / "versions") as versions:
        first = displaced(root, b".tmp1", b"first")
        inode = os.stat(b".tmp1", dir_fd=root).st_ino
        versions.keep([first], NOW)
        second = displaced(root, b".tmp2", b"second")
        versions.keep([second, displaced(root, b".tmp3", b"else", b"else")], NOW + 1)
        assert inside(tmp_path / "tree") == []
    with opened(tmp_path / "versions") as versions:
        new, old = versions.of(b"a/\xff")
        assert [version.entry for version in (old, new)] == [first.entry, second.entry]
        assert (old.at_ns, new.at_ns) == (NOW, NOW + 1)
        assert restored(versions, old, tmp_path / "back") == b"first"
        assert restored(versions, new, tmp_path / "back") == b"second"
        assert [version.path for version in versions.latest(2)] == [b"else", b"a/\xff"]
        assert versions.of(b"never") == []
        # It was moved, not copied.
        assert (tmp_path / "versions" / str(old.number)).stat().st_ino == inode


def test_a_link_is_kept_in_the_catalogue(tmp_path: Path) -> None:
    with tree(tmp_path / "tree") as root, opened(tmp_path / "versions") as versions:
        gone = link(root, b"tmp", b"../to/\xff")
        versions.keep([gone], NOW)
        assert inside(tmp_path / "tree") == []
    with opened(tmp_path / "versions") as versions:
        [version] = versions.of(b"link")
        assert version.entry == gone.entry
        assert restored(versions, version, tmp_path / "back") == b""


def test_what_is_not_of_its_kind_is_not_touched(tmp_path: Path) -> None:
    with tree(tmp_path / "tree") as root, opened(tmp_path / "versions") as versions:
        file = displaced(root, b"file", b"bytes")
        as_link = Displaced(b"x", link(root, b"link", b"to").entry, root, b"file")
        as_file = Displaced(b"x", file.entry, root, b"link")
        as_folder = Displaced(b"x", Entry(FOLDER, Attributes(0o755)), root, b"file")
        for wrong in (as_link, as_file, as_folder):
            with pytest.raises(ValueError, match="is no"):
                versions.keep([file, wrong], NOW)
        assert inside(tmp_path / "tree") == ["file", "link"]
        assert versions.latest(9) == []


def test_what_is_no_longer_there_is_told(tmp_path: Path) -> None:
    with tree(tmp_path / "tree") as root, opened(tmp_path / "versions") as versions:
        file = displaced(root, b"file", b"bytes")
        versions.keep([file], NOW)
        with pytest.raises(VersionsError, match="No such file"):
            versions.keep([file], NOW)
        assert len(versions.of(file.path)) == 1


def test_the_oldest_go_when_there_are_too_many_bytes(tmp_path: Path) -> None:
    with (
        tree(tmp_path / "tree") as root,
        opened(tmp_path / "versions", most_bytes=50_000) as versions,
    ):
        for number in range(10):
            versions.keep([displaced(root, b"file", b"%d" % number * 7000)], NOW + number)
            versions.prune(NOW + number)
        left = versions.latest(99)
        assert [version.at_ns - NOW for version in left] == list(range(9, 9 - len(left), -1))
        taken = sum(version.size for version in left)
        assert taken <= 50_000 < taken + left[0].size
        assert len(list((tmp_path / "versions").glob("[0-9]*"))) == len(left) > 1


def test_what_is_spared_stays_and_is_found_by_its_content(tmp_path: Path) -> None:
    with tree(tmp_path / "tree") as root, opened(tmp_path / "versions") as versions:
        only, other = displaced(root, b"1", b"only"), displaced(root, b"2", b"other")
        versions.keep([only, other], NOW)
        digests = [each.entry.content.digest for each in (only, other)]
        versions.prune(NOW + 3601 * SECOND, lambda: digests[:1])
        assert [version.entry for version in versions.latest(9)] == [only.entry]
        found = open_kept(tmp_path / "versions", digests[0])
        assert found is not None
        with os.fdopen(found, "rb") as file:
            assert file.read() == b"only"
        assert open_kept(tmp_path / "versions", digests[1]) is None
        assert open_kept(tmp_path / "nothing", digests[0]) is None


def test_the_old_go(tmp_path: Path) -> None:
    with tree(tmp_path / "tree") as root, opened(tmp_path / "versions") as versions:
        versions.keep([displaced(root, b"file", b"old"), link(root, b"link", b"to")], NOW)
        versions.keep([displaced(root, b"file", b"new")], NOW + 1800 * SECOND)
        old = versions.latest(9)[1]
        versions.prune(NOW + 3601 * SECOND)
        [left] = versions.latest(9)
        assert restored(versions, left, tmp_path / "back") == b"new"
        with (tmp_path / "back").open("w+b") as file, pytest.raises(KeyError):
            versions.restore(old.number, file.fileno())


def test_what_is_written_after_it_was_displaced_is_kept_and_told(tmp_path: Path) -> None:
    with tree(tmp_path / "tree") as root, opened(tmp_path / "versions") as versions:
        file = displaced(root, b"file", b"bytes")
        with (tmp_path / "tree" / "file").open("ab") as editor:
            versions.keep([file], NOW)
            editor.write(b" and more")
        [version] = versions.latest(9)
        with (tmp_path / "back").open("w+b") as back:
            assert not versions.restore(version.number, back.fileno())
        assert (tmp_path / "back").read_bytes() == b"bytes and more"


@pytest.mark.parametrize("how", ["gone", "garbage"])
def test_without_the_catalogue_files_are_found_again(tmp_path: Path, how: str) -> None:
    with tree(tmp_path / "tree") as root:
        with opened(tmp_path / "versions") as versions:
            versions.keep([displaced(root, b"file", b"lost")], NOW)
            [lost] = versions.latest(9)
        (tmp_path / "versions" / "catalogue.sqlite").unlink()
        if how == "garbage":
            (tmp_path / "versions" / "catalogue.sqlite").write_bytes(b"garbage" * 999)
        with opened(tmp_path / "versions", most_ns=10**19) as versions:
            [found] = versions.latest(9)
            assert found.path == LOST + b"/%d" % lost.number
            with (tmp_path / "back").open("w+b") as back:
                versions.restore(found.number, back.fileno())
            assert (tmp_path / "back").read_bytes() == b"lost"
            versions.keep([displaced(root, b"file", b"next")], NOW)
            assert versions.latest(1)[0].number > found.number


def test_a_file_that_is_gone_is_no_longer_listed(tmp_path: Path) -> None:
    with tree(tmp_path / "tree") as root:
        with opened(tmp_path / "versions") as versions:
            versions.keep([displaced(root, b"file", b"x"), displaced(root, b"b", b"y", b"b")], NOW)
            (tmp_path / "versions" / str(versions.of(b"b")[0].number)).unlink()
            with (tmp_path / "back").open("w+b") as back, pytest.raises(KeyError):
                versions.restore(versions.of(b"b")[0].number, back.fileno())
        with opened(tmp_path / "versions") as versions:
            assert [version.path for version in versions.latest(9)] == [b"a/\xff"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VersionsError), opened(tmp_path / "file"):
        pass
    (tmp_path / "x" / "catalogue.sqlite").mkdir(parents=True)
    with pytest.raises(DatabaseError, match="catalogue"), opened(tmp_path / "x"):
        pass


def test_from_another_file_system_it_is_copied(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", "2m") as disk,
        opened(disk / "versions") as versions,
        tree(tmp_path / "tree") as root,
    ):
        versions.keep([displaced(root, b"file", b"bytes" * 1000)], NOW)
        assert inside(tmp_path / "tree") == []
        assert restored(versions, versions.latest(1)[0], tmp_path / "back") == b"bytes" * 1000


def test_on_a_full_disk_it_stays_where_it_is(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", "2m") as disk,
        opened(disk / "versions") as versions,
        tree(tmp_path / "tree") as root,
    ):
        versions.keep([displaced(root, b"small", b"bytes", b"small")], NOW)
        large = displaced(root, b"large", b"x" * 4_000_000)
        with pytest.raises(VersionsError, match="make room"):
            versions.keep([displaced(root, b"other", b"other", b"other"), large], NOW)
        assert inside(tmp_path / "tree") == ["large"]
        assert [version.path for version in versions.latest(9)] == [b"other", b"small"]
        assert not list((disk / "versions").glob("*.part"))


PROGRAM = """
import sys
from pathlib import Path
from tests.actors.data.content.test_versions import NOW, displaced, opened, tree
base = Path(sys.argv[1])
base.mkdir()
with opened(base / "versions") as versions, tree(base / "tree") as root:
    for number in range(0, 6, 2):
        names = [b"%d" % one for one in (number, number + 1)]
        some = [displaced(root, name, name * 3000, name) for name in names]
        print(number, number + 1, flush=True)
        versions.keep(some, NOW + number)
print("pruning", flush=True)
with opened(base / "versions", most_bytes=10_000) as versions:
    versions.prune(NOW)
"""


@needs_strace
@pytest.mark.timeout(1200)
def test_a_kill_at_any_call_leaves_each_file_here_or_there(tmp_path: Path) -> None:
    found = points(tmp_path / "log", PROGRAM, str(tmp_path / "whole"), most=examples(4, many=25))
    for number, point in enumerate(found):
        base = tmp_path / str(number)
        *made, last = killed(point, PROGRAM, str(base)).split() or [""]
        with opened(base / "versions") as versions:
            kept = {version.path.decode(): version for version in versions.latest(99)}
            for name, version in kept.items():
                assert restored(versions, version, tmp_path / "back") == name.encode() * 3000
            files = inside(base / "versions")
        numbers = {str(version.number) for version in kept.values()}
        assert numbers == {name for name in files if name.isdecimal()}, point
        if last == "pruning":
            assert made[-1] in kept
        else:
            assert {*made, *filter(None, [last])} <= {*kept, *inside(base / "tree")}, point
