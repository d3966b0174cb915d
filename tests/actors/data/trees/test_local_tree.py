"""Copies of a tree follow each other, on real disks."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.data.trees.copies import Copies, contents

OLD = 1_600_000_000


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        yield made


def write(path: Path, content: bytes | str) -> None:
    """Write a file that was modified long ago, so that nobody waits to be sure of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(path, (OLD, OLD))


def test_what_one_side_has_the_other_gets(copies: Copies) -> None:
    write(copies["a"].root / "hello.txt", "hello")
    write(copies["a"].root / "deep/er/x", "x")
    (copies["a"].root / "link").symlink_to("deep/er/x")
    (copies["a"].root / "empty").mkdir()
    copies.sync()
    assert contents(copies["b"].root) == contents(copies["a"].root)
    assert (copies["b"].root / "hello.txt").stat().st_mtime == OLD


def test_modes_times_and_attributes_are_kept(copies: Copies) -> None:
    path = copies["a"].root / "run.sh"
    write(path, "#!/bin/sh\n")
    path.chmod(0o750)
    copies.sync()
    assert (copies["b"].root / "run.sh").stat().st_mode & 0o7777 == 0o750
    (copies["b"].root / "run.sh").chmod(0o700)
    copies.sync()
    assert path.stat().st_mode & 0o7777 == 0o700


def test_a_rename_is_a_move_and_a_deletion_stays(copies: Copies) -> None:
    write(copies["a"].root / "one/x", "x")
    write(copies["a"].root / "two/y", "y")
    copies.sync()
    inode = (copies["b"].root / "one/x").stat().st_ino
    (copies["a"].root / "one").rename(copies["a"].root / "three")
    (copies["a"].root / "two/y").unlink()
    copies.sync()
    assert contents(copies["b"].root) == {"three": None, "three/x": b"x", "two": None}
    assert (copies["b"].root / "three/x").stat().st_ino == inode


def test_what_both_edited_is_there_twice_alike_on_both(copies: Copies) -> None:
    write(copies["a"].root / "x.txt", "base")
    copies.sync()
    write(copies["a"].root / "x.txt", "from a")
    write(copies["b"].root / "x.txt", "from b, longer")
    copies.sync()
    found = contents(copies["a"].root)
    assert found == contents(copies["b"].root)
    assert sorted(map(bytes, (each for each in found.values() if isinstance(each, bytes)))) == [
        b"from a",
        b"from b, longer",
    ]


def test_a_large_file_follows_and_only_what_changed_is_fetched(copies: Copies) -> None:
    chance = random.Random(1)
    content = bytearray(chance.randbytes(3_000_000))
    write(copies["a"].root / "big", bytes(content))
    copies.sync()
    content[1_500_000:1_500_010] = b"0123456789"
    write(copies["a"].root / "big", bytes(content))
    os.utime(copies["a"].root / "big", (OLD + 1, OLD + 1))
    copies.sync()
    assert (copies["b"].root / "big").read_bytes() == content
    assert not list(copies["b"].place.partial.iterdir())


def test_it_goes_on_after_a_restart(copies: Copies) -> None:
    write(copies["a"].root / "x", "x")
    copies.sync()
    for copy in copies.by_host.values():
        copy.reopen()
    write(copies["b"].root / "y", "y")
    (copies["b"].root / "x").unlink()
    copies.sync()
    assert contents(copies["a"].root) == {"y": b"y"} == contents(copies["b"].root)


def test_what_cannot_be_had_now_is_left_with_the_reason_and_comes_later(copies: Copies) -> None:
    write(copies["a"].root / "x", "x")
    copies["a"].tree.scan()
    copies["b"].tree.scan()
    copies["b"].hear(copies["a"])
    copies["a"].reachable = False
    left = copies["b"].tree.bring().left
    assert list(left) == [b"x"]
    assert "no host that may have it is connected" in left[b"x"]
    copies["a"].reachable = True
    assert copies["b"].tree.bring().left == {}
    assert contents(copies["b"].root) == {"x": b"x"}


def test_more_small_files_than_are_fetched_ahead_come(copies: Copies) -> None:
    for number in range(60):  # 200 kB each: three packs
        write(copies["a"].root / f"{number % 3}/{number}", random.Random(number).randbytes(200_000))
    copies.sync()
    assert contents(copies["b"].root) == contents(copies["a"].root)


def test_a_large_file_of_which_pieces_changed_comes(copies: Copies) -> None:
    content = bytearray(random.Random(1).randbytes(6_000_000))
    write(copies["a"].root / "big", bytes(content))
    copies.sync()
    for at in (100, 2_000_000, 5_999_000):
        content[at : at + 500] = random.Random(at).randbytes(500)
    content[3_000_000:3_000_000] = random.Random(2).randbytes(1_500_000)
    (copies["a"].root / "big").write_bytes(content)
    copies.sync()
    assert (copies["b"].root / "big").read_bytes() == content
    assert not any(copies["b"].place.partial.iterdir())
