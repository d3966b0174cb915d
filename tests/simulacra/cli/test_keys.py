from __future__ import annotations

import stat
from pathlib import Path

import pytest

from simulacra.cli.exits import ExitCode

from .conftest import Run, Serve

KEY = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
OTHER = "-&>o#1Y9t]1q?A!/Owfvbg0}-i&#942bKJNCT0[["


def test_own_key_is_made_once_and_kept_private(run: Run, home: Path) -> None:
    line = run("keys").stdout
    name, key = line.split()
    assert (name, len(key)) == ("desk", 42)
    assert run("keys").stdout == line
    assert run("keys", "--json").json() == {"name": "desk", "key": key.strip("'")}
    assert stat.S_IMODE((home / "config" / "desk.key").stat().st_mode) == 0o600


def test_admit_list_and_expel(run: Run, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "members").write_text("# my machines\n")
    assert run("keys", "add", "nas", KEY, "nas.local:7400").code == 0
    assert run("keys", "list", "--json").json() == [
        {"name": "nas", "key": KEY, "address": "nas.local:7400"}
    ]
    again = run("keys", "add", "desk2", KEY)
    assert again.code == ExitCode.FAILED
    assert "as nas's" in again.stderr
    assert run("keys", "remove", "nas").code == 0
    assert (home / "config" / "members").read_text() == "# my machines\n"
    assert run("keys", "remove", "nas").code == ExitCode.NOT_FOUND


def test_a_key_may_begin_with_a_hyphen(run: Run) -> None:
    assert run("keys", "add", "nas", OTHER).code == 0
    assert OTHER in run("keys", "list").stdout


@pytest.mark.parametrize(("key", "address"), [("short", ""), (KEY, "nas"), ("\x7f" * 40, "")])
def test_what_is_no_key_or_address_is_refused(run: Run, key: str, address: str) -> None:
    ended = run("keys", "add", "nas", key, address)
    assert ended.code == ExitCode.USAGE
    assert run("keys", "list", "--json").json() == []


def test_a_running_node_is_told(run: Run, serve: Serve) -> None:
    serve({"keys_changed": lambda _: [{"admitted": 1, "expelled": ["old"]}]})
    assert run("keys", "add", "nas", KEY, "--json").json()["expelled"] == ["old"]


def test_a_damaged_list_names_its_line(run: Run, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "members").write_text("nas short\n")
    ended = run("keys", "list")
    assert ended.code == ExitCode.FAILED
    assert "line 1" in ended.stderr
