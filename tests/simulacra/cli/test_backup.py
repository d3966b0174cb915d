"""A node's state in one file, and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from simulacra.cli.exits import ExitCode
from tests.processes import until_none

from .homes import Home, processes_below


def test_a_node_comes_back_from_its_backup(tmp_path: Path) -> None:
    desk, nas, copy = Home("desk", tmp_path), Home("nas", tmp_path), tmp_path / "nas.backup"
    try:
        desk.do("up", "--detach")
        desk.do("init", "home")
        nas.do("up", "--detach", "--join", desk.do("invite", "--json").json()["join"])
        nas.do("backup", str(copy))
        assert copy.stat().st_mode & 0o777 == 0o600
        assert nas.run("backup", str(copy)).code == ExitCode.FAILED
        assert "is up" in nas.run("restore", str(copy)).stderr

        # What is said after the copy was made is not lost: the others have it.
        desk.do("service", "add", "web", "--needs", "hosts>=9", "--", "sleep", "600")
        desk.until(lambda: knows(nas, "web"))
        nas.do("down")
        for folder in ("config", "state"):
            shutil.rmtree(tmp_path / "nas" / folder)
        nas.do("restore", str(copy))
        nas.do("up", "--detach")
        nas.until(lambda: knows(nas, "web"))
        desk.until(lambda: sees(desk, "nas"))
    finally:
        for home in (desk, nas):
            home.run("down")
    until_none(lambda: processes_below(tmp_path))


def knows(home: Home, name: str) -> bool:
    return name in {each["name"] for each in home.client.item("where")["names"]}


def sees(home: Home, name: str) -> bool:
    peers = home.client.item("status")["peers"]
    return (name, "up") in {(each["host"], each["state"]) for each in peers}


@pytest.mark.parametrize("words", [("backup",), ("owner", "export")])
def test_no_copy_goes_where_a_disk_is_not_mounted(tmp_path: Path, words: tuple[str, ...]) -> None:
    home = Home("desk", tmp_path)
    home.do("init", "home")
    ended = home.run(*words, str(tmp_path / "usb" / "copy"))
    assert ended.code == ExitCode.NOT_FOUND
    assert f"there is no folder {tmp_path}/usb" in ended.stderr
    assert not (tmp_path / "usb").exists()


@pytest.mark.parametrize("words", [("restore",), ("owner", "import")])
def test_a_copy_that_is_not_there(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = Home("desk", tmp_path).run(*words, str(tmp_path / "copy"))
    assert ended.code == ExitCode.NOT_FOUND
    assert f"ls -l {tmp_path}" in ended.stderr


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    home, file = Home("desk", tmp_path), tmp_path / "file"
    file.write_bytes(content)
    assert home.run("restore", str(file)).code == ExitCode.FAILED
    assert not (tmp_path / "desk" / "state").exists()


def test_without_a_network_there_is_nothing_to_keep(tmp_path: Path) -> None:
    ended = Home("desk", tmp_path).run("backup", str(tmp_path / "file"))
    assert (ended.code, "simulacra init" in ended.stderr) == (ExitCode.FAILED, True)
