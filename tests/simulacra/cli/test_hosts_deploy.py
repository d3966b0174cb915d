"""What `hosts deploy` and `hosts drift` refuse before they begin; in a lab: tests/hosts/deploy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulacra.cli.main import main
from tests.hosts.deploy.making import host, text, write
from tests.overlay.plans import key_of

Refused = Callable[..., dict[str, Any]]

GATE = host("gate", zone="cloud", endpoints=["gate.example.org"], relay=True)
HOSTS = {
    "desk": host("desk", "home", zone="at-desk"),
    "nas": host("nas", "servers", zone="at-nas"),
    "gate": GATE,
    "den": host("den", zone="at-den", ssh=None),
}
CALLED = "called"


@pytest.fixture
def flake(tmp_path: Path) -> Path:
    write(tmp_path / "flake", text(HOSTS))
    (tmp_path / "flake/flake.nix").write_text("{ outputs = _: { }; }\n")
    return tmp_path / "flake"


@pytest.fixture
def refused(
    flake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refused:
    """Runs a command that is refused, and returns the error; no program was run for it."""
    bins = tmp_path / "bin"
    bins.mkdir()
    for name in ("nix", "nixops4", "ssh"):
        (bins / name).write_text(f"#!/bin/sh\n: >{tmp_path}/{CALLED}\nexit 1\n")
        (bins / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(bins))
    monkeypatch.setenv("SIMULACRA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SIMULACRA_NAME", "desk")
    monkeypatch.chdir(flake)

    def refused(*words: str, code: int = 2) -> dict[str, Any]:
        assert main(["hosts", "deploy", *words, "--json"]) == code
        assert not (tmp_path / CALLED).exists()
        error: dict[str, Any] = json.loads(capsys.readouterr().out)["error"]
        return error

    return refused


def test_an_unknown_tag_is_refused_with_the_known_ones(refused: Refused) -> None:
    error = refused("@nothing")
    assert error["message"] == "nothing was changed: no host has the tag @nothing"
    assert error["hint"] == "tags are: @home, @servers"


def test_a_host_without_ssh_is_refused(refused: Refused) -> None:
    assert "den has no ssh in the inventory" in refused("den")["message"]


def test_a_plan_of_another_inventory_is_refused(refused: Refused, flake: Path) -> None:
    inventory = flake / "hosts/inventory.toml"
    inventory.write_text(inventory.read_text() + "\n# a word more\n")
    error = refused("nas")
    assert "plan.json is not the plan of" in error["message"]
    assert error["hint"] == "plan anew, and commit both: simulacra hosts plan"


def test_the_only_relay_and_all_who_need_it_in_one_wave_are_refused(refused: Refused) -> None:
    error = refused("--at-once", "--health", "ssh")
    assert "the only relay, gate, and everybody who depends on it: " in error["message"]
    assert error["hint"].endswith("--force does it all the same")


def test_an_inventory_that_cuts_off_where_one_sits_is_refused(
    refused: Refused, flake: Path
) -> None:
    write(flake, text(HOSTS | {"desk": host("desk", zone="at-desk", wireguard=None)}))
    error = refused("nas", "--health", "ssh")
    assert "would cut off desk, the host that you sit at: the inventory has no" in error["message"]


def test_so_is_one_that_has_another_key_of_it_than_it_holds(
    refused: Refused, flake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (flake / "hosts/plan.json").rename(tmp_path / "plan.json")
    monkeypatch.setenv("SIMULACRA_PLAN", str(tmp_path / "plan.json"))
    write(flake, text(HOSTS | {"desk": host("desk", zone="at-desk", wireguard=key_of("eve"))}))
    for words in (["nas"], ["nas", "--dry-run"]):
        error = refused(*words, "--health", "ssh")
        assert "desk would have another key than the one that it holds" in error["message"]
        assert "mend hosts.desk in the inventory" in error["hint"]
        assert error["hint"].endswith("--force does it all the same")


def test_without_a_node_here_nobody_could_say_whether_hosts_come_back(refused: Refused) -> None:
    error = refused("nas", code=4)
    assert "whether hosts come back is told by the network" in error["message"]
    assert error["hint"].endswith("--health ssh")


def test_a_dry_run_asks_no_node(
    refused: Refused, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hosts", "deploy", "nas", "--dry-run", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"].startswith("nothing was changed: not all systems can be had: nas: nix ")
    assert (tmp_path / CALLED).exists()


def test_numbers_that_make_no_sense_are_refused(refused: Refused) -> None:
    assert "jobs" in refused("nas", "--jobs", "0")["message"]
    assert "per-wave" in refused("nas", "--per-wave", "0")["message"]
    error = refused("nas", "--health", "ssh", "--confirm", "10s", "--settle", "10s")
    assert "a host cannot be up for 10 s on end before its timer goes off" in error["message"]


def test_an_inventory_that_is_in_no_flake_is_refused(refused: Refused, flake: Path) -> None:
    (flake / "flake.nix").unlink()
    assert "there is no flake.nix beside" in refused("nas", code=5)["message"]


def test_missing_programs_are_told_before_anything_begins(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused("nas", "--health", "ssh", code=1)
    assert "a deploy needs ssh and nix and nixops4" in error["message"]
    assert "nix run .#deploy" in error["hint"]


def test_systems_that_cannot_be_built_are_told_and_nothing_is_begun(
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bin/nix").write_text("#!/bin/sh\necho 'error: no such option' >&2\nexit 1\n")
    (tmp_path / "bin/nixops4").write_text("#!/bin/sh\necho nas\n")
    assert main(["hosts", "deploy", "nas", "desk", "--health", "ssh", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert "nas: nix ended with 1: error: no such option" in error["message"]
    assert "NixOps4 has no member desk" in error["message"]
