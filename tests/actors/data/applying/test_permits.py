"""What is read-only is changed all the same by its owner, and is read-only again afterwards."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path as FilePath

import pytest

from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.permits import Permits
from tests.actors.data.applying.changes import NEW, prepare
from tests.actors.data.applying.test_leftovers import check, killed, needs_strace, recover

NOBODY = 65534


@pytest.fixture
def base() -> Iterator[FilePath]:
    """A folder that a user without rights can reach."""
    made = FilePath(tempfile.mkdtemp(prefix="simulacra-test-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made)


def owned(base: FilePath, mode: int) -> FilePath:
    """A tree of nobody's, its folder with a mode."""
    prepare(base)
    for path in (base, *base.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    base.chmod(0o755)
    (base / "tree" / "d").chmod(mode)
    return base / "tree" / "d"


def run(base: FilePath, kind: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "tests.actors.data.applying.changes",
        str(base),
        kind,
        str(NOBODY),
    ]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def modes(folder: FilePath) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


@pytest.mark.lab
def test_a_read_only_folder_is_changed_and_is_so_again(base: FilePath) -> None:
    folder = owned(base, 0o555)
    done = run(base, "everything")
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "new").read_bytes() == NEW
    assert modes(folder) == 0o555


@pytest.mark.lab
@needs_strace
@pytest.mark.parametrize("call", ["chmod", "fsync", "renameat2"])
def test_a_kill_leaves_nothing_writable(base: FilePath, call: str) -> None:
    for at in range(1, 60):
        folder = owned(base / str(at), 0o555)
        alive = not killed(base / str(at), "everything", call, at, str(NOBODY))
        recover(base / str(at))
        assert modes(folder) == 0o555
        check(base / str(at))
        if alive:
            assert at > 1
            return
    raise AssertionError("it never ended")


@pytest.mark.lab
def test_what_belongs_to_another_is_denied(base: FilePath) -> None:
    folder = owned(base, 0o555)
    os.chown(folder, 0, 0)
    done = run(base, "fill")
    assert done.returncode == 1
    assert "DENIED d/big0: Permission denied" in done.stdout
    assert sorted(each.name for each in folder.iterdir()) == [
        "empty",
        "moved",
        "removed",
        "replaced",
        "touched",
    ]


def test_a_mode_that_somebody_changed_meanwhile_stays(tmp_path: FilePath) -> None:
    root, journal = tmp_path / "root", tmp_path / "permits.db"
    (root / "d").mkdir(parents=True)
    (root / "d").chmod(0o555)
    with Folders(str(root)) as folders:
        permits = Permits(journal)
        assert permits.lend(folders.root, b"d", b"d")
        assert not permits.lend(folders.root, b"d", b"d")  # it is writable already
        assert modes(root / "d") == 0o755
        (root / "d").chmod(0o700)
        permits.close()
        assert modes(root / "d") == 0o700


def test_what_was_lent_is_given_back_at_the_next_start(tmp_path: FilePath) -> None:
    root, journal = tmp_path / "root", tmp_path / "permits.db"
    for name in ("d", "e"):
        (root / name).mkdir(parents=True)
        (root / name).chmod(0o555)
    with Folders(str(root)) as folders:
        permits = Permits(journal)
        for entry in (b"d", b"e"):
            permits.lend(folders.root, entry, entry)
        (root / "e").rename(root / "away")
        again = Permits(journal)
        again.recover(folders)
        assert (modes(root / "d"), modes(root / "away")) == (0o555, 0o755)
        again.close()
        permits.close()


@pytest.mark.parametrize("at", [0, 4096])
def test_a_damaged_record_is_set_aside_and_a_new_one_begins(tmp_path: FilePath, at: int) -> None:
    root, journal = tmp_path / "root", tmp_path / "permits.db"
    (root / "d").mkdir(parents=True)
    (root / "d").chmod(0o555)
    Permits(journal).close()
    with journal.open("r+b") as file:
        file.seek(at)
        file.write(b"not what was written" * 50)
    with Folders(str(root)) as folders:
        permits = Permits(journal)
        permits.recover(folders)
        assert permits.lend(folders.root, b"d", b"d")
        permits.close()
    assert modes(root / "d") == 0o555
    assert len(list(tmp_path.glob("permits.db.damaged-*"))) == 1
