"""A node killed at any call that changes a disk, while it brings its copy up to date."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from simulacra.actors.data.entries import TEMPORARY
from tests.actors.data.trees.copies import Copies, contents
from tests.actors.data.trees.test_histories import left_over
from tests.actors.data.trees.test_local_tree import write
from tests.killing import killed, needs_strace, points
from tests.support import examples

BRING = """
import sys
from pathlib import Path
from tests.actors.data.trees.copies import Copies
with Copies(Path(sys.argv[1]), "a", "b") as copies:
    copies["b"].tree.scan()
    copies["b"].hear(copies["a"])
    assert not copies["b"].tree.bring().left
"""
LARGE = random.Random(1).randbytes(600_000)


def edited(folder: Path) -> Path:
    """Two copies in step, and edits of all kinds in one of them."""
    with Copies(folder, "a", "b") as copies:
        root = copies["a"].root
        for name in ("edited", "deleted", "folder/moved", "folder/kept", "gone/in it"):
            write(root / name, name)
        write(root / "large", LARGE)
        copies.sync()
        write(root / "edited", "edited, indeed")
        write(root / "large", LARGE[:300_000] + b"edited" + LARGE[300_000:])
        (root / "deleted").unlink()
        shutil.rmtree(root / "gone")
        (root / "folder").rename(root / "other")
        (root / "other/moved").rename(root / "moved")
        write(root / "new folder/new", "new")
        (root / "link").symlink_to("edited")
        (root / "other/kept").chmod(0o600)
        copies["a"].tree.scan()
    return folder


@needs_strace
@pytest.mark.timeout(3600)
def test_a_kill_at_any_call_leaves_old_or_new_and_it_goes_on(tmp_path: Path) -> None:
    whole = {b"edited", b"deleted", b"folder/moved", b"folder/kept", b"gone/in it", LARGE}
    most = examples(6, many=16)
    for number, point in enumerate(
        points(tmp_path / "log", BRING, str(edited(tmp_path / "counted")), most=most)
    ):
        folder = edited(tmp_path / str(number))
        whole |= {each for each in contents(folder / "a/root").values() if isinstance(each, bytes)}
        killed(point, BRING, str(folder))
        found = contents(folder / "b/root").items()
        there = {what for path, what in found if TEMPORARY.decode() not in path}
        assert {each for each in there if isinstance(each, bytes)} <= whole, point
        with Copies(folder, "a", "b") as copies:
            copies.sync()
            a, b = (copies[host] for host in "ab")
            assert contents(b.root) == contents(a.root), point
            assert len(contents(a.root)) == 8, point
            assert (b.root / "other/kept").stat().st_mode & 0o777 == 0o600
            assert not left_over(b), point
            kept = {version.path for version in b.tree.versions.latest(99)}
            assert {b"edited", b"deleted", b"large", b"gone/in it"} <= kept, point
        shutil.rmtree(folder)
