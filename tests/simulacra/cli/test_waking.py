"""``wake`` and ``sleep`` on the command line: what the inventory has to say first."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulacra.cli.exits import ExitCode
from simulacra.cli.main import main

INVENTORY = """
[network]
name = "home"
[zones.home]
[hosts.desk]
zone = "home"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without a node, in which the tests are."""
    monkeypatch.setenv("SIMULACRA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_host_is_woken_only_if_the_inventory_says_how(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["wake", "desk"]) == ExitCode.NOT_FOUND
    assert "--inventory FILE" in capsys.readouterr().err
    (home / "hosts").mkdir()
    (home / "hosts" / "inventory.toml").write_text(INVENTORY)
    assert main(["wake", "nas"]) == ExitCode.NOT_FOUND
    assert "no host nas; it has: desk" in capsys.readouterr().err
    assert main(["wake", "desk"]) == ExitCode.USAGE
    assert "mac = 'aa:bb:cc:dd:ee:ff'" in capsys.readouterr().err


def test_the_inventory_may_be_named(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home / "machines.toml"
    file.write_text(INVENTORY + "mac = '02:00:00:00:00:01'\n")
    assert main(["wake", "desk", "--inventory", str(file)]) == ExitCode.UNREACHABLE
    assert "no node is up here" in capsys.readouterr().err
    monkeypatch.setenv("SIMULACRA_INVENTORY", str(home / "none.toml"))
    assert main(["wake", "desk"]) == ExitCode.NOT_FOUND
    file.write_text("[hosts.desk]\nzone = 7\n")
    assert main(["wake", "desk", "--inventory", str(file), "--json"]) == ExitCode.USAGE
    assert "hosts.desk.zone" in capsys.readouterr().out
