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
    shown = run("keys", "--json").json()
    assert shown == {"name": "desk", "key": key.strip("'"), "address": None}
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


def test_a_node_that_is_up_tells_its_address(run: Run, serve: Serve, home: Path) -> None:
    serve(
        {
            "status": lambda _: [{"listen": "192.168.1.7:7400"}],
            "keys_changed": lambda _: [{"admitted": 1, "expelled": []}],
        }
    )
    name, key, address = run("keys").stdout.split()
    assert run("keys", "add", name, key.strip("'"), address).code == 0
    assert (home / "config" / "members").read_text().endswith(" 192.168.1.7:7400\n")


def test_an_address_that_only_this_machine_reaches_is_not_told(
    run: Run, serve: Serve, tmp_path: Path
) -> None:
    serve({"status": lambda _: [{"listen": "127.0.0.1:7400"}]})
    assert run("keys").stdout.endswith(" 127.0.0.1:7400\n")  # nodes share this machine
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    (runtime / "simulacra").symlink_to(tmp_path / "home" / "run")
    alone = run("keys", SIMULACRA_HOME="", HOME=str(tmp_path), XDG_RUNTIME_DIR=str(runtime))
    assert len(alone.stdout.split()) == 2
    assert "--listen ADDRESS:PORT" in alone.stderr


def test_one_file_of_lines_serves_all_machines(run: Run, home: Path, tmp_path: Path) -> None:
    lines = [run("keys").stdout, f"nas '{KEY}' nas.local:7400\n", f"phone '{OTHER}'\n"]
    (tmp_path / "network.keys").write_text("".join(lines))
    assert "admits nas, phone" in run("keys", "import", "network.keys").stderr
    assert "nobody new" in run("keys", "import", "network.keys").stderr
    members = (home / "config" / "members").read_text()
    assert members == f"nas {KEY} nas.local:7400\nphone {OTHER}\n"


@pytest.mark.parametrize("text", ["nas short\n", None])
def test_a_file_that_is_none_imports_nothing(run: Run, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "network.keys").write_text(text)
    assert run("keys", "import", "network.keys").code == ExitCode.USAGE
    assert run("keys", "list", "--json").json() == []


def test_a_damaged_list_names_its_line(run: Run, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "members").write_text("nas short\n")
    ended = run("keys", "list")
    assert ended.code == ExitCode.FAILED
    assert "line 1" in ended.stderr
