"""Sealed files: whole or refused, and crashes and full disks leave the old one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute import sealed
from tests.disks import small_disk

WRITER = """
import sys
from pathlib import Path
from simulacra.actors.compute import sealed
from tests.disks import small_disk
path = Path(sys.argv[1])
for n in (1, 2, 3):
    sealed.write(path, {"n": n}, [bytes([n]) * 3000] * 2)
"""


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    sealed.write(tmp_path / "a", {"n": 1}, [b"one", b"two"])
    assert sealed.read(tmp_path / "a") == (b"onetwo", {"n": 1})
    fd, _ = sealed.open_verified(tmp_path / "a")
    with os.fdopen(fd, "rb") as file:
        assert file.read() == b"onetwo"


@given(st.binary(max_size=100), st.data())
def test_any_harm_is_found(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "a"
    sealed.write(path, {"n": 1}, [content])
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        harmed = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        harmed = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    path.write_bytes(harmed)
    with pytest.raises((sealed.TornFileError, sealed.SchemaError)):
        sealed.read(path)


def test_a_schema_that_never_was_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed, "SCHEMA", 0)
    sealed.write(tmp_path / "a", {}, [])
    monkeypatch.undo()
    with pytest.raises(sealed.TornFileError, match="schema 0"):
        sealed.read(tmp_path / "a")


def test_a_newer_schema_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "SCHEMA", 2)
    sealed.write(tmp_path / "a", {}, [])
    monkeypatch.undo()
    with pytest.raises(sealed.SchemaError, match="schema 2"):
        sealed.read(tmp_path / "a")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    "inject", ["rename:when=2", "fsync:when=3", "fsync:when=4", "pwrite64,write:when=5"]
)
def test_a_kill_at_any_call_leaves_a_whole_file(tmp_path: Path, inject: str) -> None:
    path = tmp_path / "a"
    calls, _, when = inject.partition(":")
    command = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}"]
    command += ["-e", f"inject={calls}:signal=KILL:{when}"]
    done = subprocess.run(
        [*command, sys.executable, "-c", WRITER, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    content, about = sealed.read(path)
    assert content == bytes([about["n"]]) * 6000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "256k") as disk:
        yield disk


def test_a_full_disk_leaves_the_old_file_and_says_what_to_do(disk: Path) -> None:
    path = disk / "a"
    sealed.write(path, {"n": 1}, [b"x" * 100_000])
    with pytest.raises(sealed.DiskFullError, match="Free some space"):
        sealed.write(path, {"n": 2}, [b"y" * 100_000] * 3)
    assert sealed.read(path) == (b"x" * 100_000, {"n": 1})
    assert [file.name for file in disk.iterdir()] == ["a"]
