"""What the actor does without a mount; tests/faults/test_running.py has those."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulacra.actors.compute.mounting import MOUNTS, Drop, Keep, List, Mounts
from simulacra.actors.runtime import ActorSystem, Ref
from tests.actors.runtime.nodes import two_nodes
from tests.support import eventually

HERE = Keep("nas", "src", "/mnt/nas")


def start(system: ActorSystem, file: Path, *connected: str, to: str | None = None) -> Ref:
    return system.spawn(Mounts, file, lambda: list(connected), lambda _: to)


def test_what_was_kept_waits_for_its_host(system: ActorSystem, tmp_path: Path) -> None:
    file = tmp_path / "mounts.json"
    file.write_text(json.dumps([{"host": "nas", "path": "src", "folder": "/mnt/nas"}]))
    mounts = start(system, file)
    [row] = mounts.ask(List())
    assert {key: row[key] for key in ("host", "path", "folder")} == {
        "host": "nas",
        "path": "src",
        "folder": "/mnt/nas",
    }
    eventually(lambda: mounts.ask(List())[0]["state"] == "away")
    with pytest.raises(OSError, match="kept for nas already"):
        mounts.ask(HERE)
    assert mounts.ask(Drop("/mnt/nas")) is True
    assert mounts.ask(List()) == []
    assert json.loads(file.read_text()) == []
    assert mounts.ask(Drop("/mnt/nas")) is False


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"host": "nas"}]'])
def test_a_file_that_cannot_be_read_keeps_nothing(
    system: ActorSystem, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "mounts.json"
    file.write_text(text)
    assert start(system, file).ask(List()) == []


def test_an_sshfs_that_fails_is_told_and_forgotten(
    system: ActorSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "sshfs"
    program.write_text("#!/bin/sh\necho no route >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    mounts = start(system, tmp_path / "mounts.json", "nas", to="nas.lan")
    with pytest.raises(OSError, match="no route"):
        mounts.ask(HERE)
    eventually(lambda: mounts.ask(List()) == [])
    assert not (tmp_path / "mounts.json").exists()


def test_a_disk_that_is_full_keeps_the_mount(system: ActorSystem, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    file = folder / "mounts.json"
    file.write_text(json.dumps([{"host": "nas", "path": "src", "folder": "/mnt/nas"}]))
    mounts = start(system, file)
    file.unlink()
    folder.rmdir()
    folder.touch()  # a file where the folder was
    with pytest.raises(OSError, match="cannot be written"):
        mounts.ask(Drop("/mnt/nas"))
    assert len(mounts.ask(List())) == 1


def test_a_host_whose_directory_is_mounted_is_watched_so_that_nobody_rests_from_it(
    tmp_path: Path,
) -> None:
    with two_nodes() as (a, b):
        b.system.spawn(Mounts, tmp_path / "b.json", list, lambda _: None, name=MOUNTS)
        mounts = start(a.system, tmp_path / "a.json", "b")
        kept = mounts.ask(Keep("b", "src", "/mnt/b"), block=False, timeout=None)
        eventually(lambda: a.peer(b).is_tied and b.peer(a).is_tied)
        assert mounts.ask(Drop("/mnt/b")) is True
        eventually(lambda: not a.peer(b).is_tied and not b.peer(a).is_tied)
        assert not kept.is_set()
