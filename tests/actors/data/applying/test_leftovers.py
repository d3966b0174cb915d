"""A kill at any system call leaves the old or the new of each, and nothing else after the start."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path as FilePath

import pytest

from simulacra.actors.data.applying import leftovers, temporaries
from simulacra.actors.data.entries import TEMPORARY
from tests.actors.data.applying.applied import Scene, scene
from tests.actors.data.applying.changes import NEW, NOW, OLD, WAS, Changing, prepare

CALLS = [
    "fchmod",
    "fsync",
    "mkdirat",
    "renameat",
    "renameat2",
    "symlinkat",
    "syncfs",
    "unlinkat",
    "utimensat",
    "write",
]
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def killed(
    base: FilePath, what: str, call: str, at: int, *user: str, lacking: str | None = None
) -> bool:
    """Change a tree in a child that is killed at a system call; False if it was not.

    The file system may be lacking a call.
    """
    traced = f"{call},{lacking}" if lacking else call
    missing = ["-e", f"inject={lacking}:error=EINVAL"] if lacking else []
    # fmt: off
    command = [
        "strace", "-f", "-qq", "-o", os.devnull,
        "-e", f"trace={traced}", *missing, "-e", f"inject={call}:signal=KILL:when={at}",
        sys.executable, "-m", "tests.actors.data.applying.changes", str(base), what, *user,
    ]
    # fmt: on
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert done.returncode in {0, -9, 137}, done.stderr
    return done.returncode != 0


def recover(base: FilePath) -> None:
    """What a node does at the start."""
    on = Changing(base)
    with on.stack:
        on.permits.recover(on.folders)
        assert leftovers.clear(on.folders, leftovers.find(on.folders), on.keep) == []
        assert list(leftovers.find(on.folders)) == []


def check(base: FilePath, *, by_links: bool = False) -> None:
    """Each change is done or not begun, and nothing displaced is lost.

    What is moved by a link may have both names for a kill.
    """
    here = base / "tree" / "d"
    kept = {each.name: each.read_bytes() for each in (base / "kept").iterdir()}
    for name, content in kept.items():
        assert (name in {"d-replaced", "d-removed"}, content) == (True, OLD)
    allowed = {"new", "replaced", "removed", "moved", "there", "touched", "link", "made", "empty"}
    assert {each.name for each in here.iterdir()} <= allowed
    if (here / "new").exists():
        assert (here / "new").read_bytes() == NEW
        assert (here / "new").stat().st_mtime_ns == NOW.mtime_ns
    replaced = (here / "replaced").read_bytes()
    assert replaced in {OLD, NEW}
    assert replaced == OLD or kept["d-replaced"] == OLD
    assert (here / "removed").exists() or kept["d-removed"] == OLD
    moved = [here / name for name in ("moved", "there") if (here / name).exists()]
    assert {each.read_bytes() for each in moved} == {OLD}
    assert len(moved) == 1 or (by_links and moved[0].samefile(moved[1]))
    touched = (here / "touched").stat()
    assert stat.S_IMODE(touched.st_mode) in {WAS.mode, NOW.mode}
    if (here / "link").is_symlink():
        assert os.readlink(here / "link") == "new"
    if (here / "made").exists():
        assert stat.S_IMODE((here / "made").stat().st_mode) == 0o750


@needs_strace
@pytest.mark.parametrize("call", CALLS)
def test_a_kill_leaves_the_old_or_the_new(tmp_path: FilePath, call: str) -> None:
    for at in range(1, 100):
        base = tmp_path / str(at)
        prepare(base)
        alive = not killed(base, "everything" if call != "syncfs" else "batch", call, at)
        recover(base)
        if call != "syncfs":
            check(base)
        else:
            found = {each.read_bytes() for each in (base / "tree" / "d").glob("[0-9]*")}
            assert found <= {OLD, NEW}
        if alive:
            assert at > 1
            return
    raise AssertionError("it never ended")


@needs_strace
@pytest.mark.parametrize("call", ["linkat", "renameat", "unlinkat"])
def test_a_kill_leaves_the_old_or_the_new_without_renames_that_refuse(
    tmp_path: FilePath, call: str
) -> None:
    """What was to be removed or replaced may have stepped aside then, and comes back."""
    for at in range(1, 100):
        base = tmp_path / str(at)
        prepare(base)
        alive = not killed(base, "everything", call, at, lacking="renameat2")
        recover(base)
        check(base, by_links=True)
        if alive:
            assert at > 3
            return
    raise AssertionError("it never ended")


def left(on: Scene, name: bytes, content: bytes) -> FilePath:
    path = on.tree / os.fsdecode(name)
    path.write_bytes(content)
    return path


def clear(on: Scene) -> None:
    assert leftovers.clear(on.folders, leftovers.find(on.folders), on.keep) == []


def test_what_never_got_to_its_place_goes(tmp_path: FilePath) -> None:
    with scene(tmp_path) as on:
        left(on, temporaries.new_name(1, 2), b"new")
        (on.tree / os.fsdecode(temporaries.new_name(1, 3))).mkdir(mode=0o500)
        made = left(on, b"x", b"new")
        made.rename(on.tree / os.fsdecode(temporaries.swap_name(made.stat().st_ino, b"f")))
        clear(on)
        assert (list(on.tree.iterdir()), on.texts(on.kept)) == ([], [])


def test_what_was_displaced_is_kept(tmp_path: FilePath) -> None:
    with scene(tmp_path) as on:
        left(on, temporaries.swap_name(1, b"f"), b"old")
        left(on, b"f", b"new")
        clear(on)
        assert (on.texts(on.tree), on.texts(on.kept)) == ([b"new"], [b"old"])
        assert [each.name for each in on.kept.iterdir()] == ["0-f"]


def test_what_was_to_be_removed_goes_back_or_is_kept(tmp_path: FilePath) -> None:
    with scene(tmp_path) as on:
        left(on, temporaries.aside_name(1, b"f"), b"old")
        clear(on)
        assert on.texts(on.tree / "f", on.tree) == [b"old"]
        left(on, temporaries.aside_name(1, b"f"), b"older")
        left(on, temporaries.aside_name(1, b"x" * 255), b"of a long name")
        clear(on)
        assert on.texts(on.tree) == [b"old"]
        assert sorted(on.texts(on.kept)) == [b"of a long name", b"older"]


def test_what_has_both_names_loses_the_temporary_one(tmp_path: FilePath) -> None:
    with scene(tmp_path) as on:
        path = left(on, b"f", b"old")
        name = os.fsdecode(temporaries.aside_name(path.stat().st_ino, b"f"))
        (on.tree / name).hardlink_to(path)
        clear(on)
        assert (on.texts(on.tree), on.texts(on.kept)) == ([b"old"], [])


def test_a_name_that_only_looks_like_ours_stays(tmp_path: FilePath) -> None:
    with scene(tmp_path) as on:
        path = left(on, TEMPORARY + b"mine", b"whose?")
        clear(on)
        assert path.read_bytes() == b"whose?"


def test_what_cannot_be_cleared_up_is_told(tmp_path: FilePath) -> None:
    with scene(tmp_path) as on:
        left(on, temporaries.swap_name(1, b"f"), b"old")

        def full(folder: int, temporary: bytes, path: bytes) -> None:
            raise OSError(28, "No space left on device")

        [error] = leftovers.clear(on.folders, leftovers.find(on.folders), full)
        assert "No space left" in str(error)
        assert on.texts(on.tree) == [b"old"]
