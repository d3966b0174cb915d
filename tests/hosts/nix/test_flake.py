"""The flake where there is no network: its lock, its outputs, and `nix run .#deploy`."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from simulacra.hosts.inventory.reading import read
from simulacra.hosts.inventory.schema import Kind
from simulacra.overlay.plan.planning import plan
from simulacra.overlay.plan.text import to_text
from tests.hosts.nix.flakes import SMALL, Flake, copied
from tests.hosts.nix.nix import ROOT, Nix, NixError, needs_nix

pytestmark = needs_nix

NODES = ["attic", "desk", "laptop", "nas", "vm"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("flake"))


@pytest.fixture
def flake(nix: Nix, folder: Path) -> Flake:
    return Flake(nix, folder, SMALL)


# -- the lock


def test_the_lock_is_complete_and_of_this_flake(nix: Nix, folder: Path) -> None:
    known = nix.read(
        "nix", "flake", "metadata", "--no-update-lock-file", "--json", f"path:{folder}"
    )

    locked = json.loads((ROOT / "flake.lock").read_text())
    assert known["locks"] == locked
    assert set(locked["nodes"]["root"]["inputs"]) == set(SMALL)


def test_all_inputs_have_one_nixpkgs(nix: Nix) -> None:
    nodes = json.loads((ROOT / "flake.lock").read_text())["nodes"]

    for name in ("nixops4", "nixops4-nixos", "sops-nix"):
        assert nodes[name]["inputs"]["nixpkgs"] == ["nixpkgs"]


def test_a_lock_that_lags_behind_the_flake_is_told(nix: Nix, tmp_path: Path) -> None:
    for name in ("flake.nix", "flake.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    text = (tmp_path / "flake.nix").read_text()
    (tmp_path / "flake.nix").write_text(text.replace("Mic92/sops-nix", "another/sops-nix"))

    with pytest.raises(NixError):
        nix.run("nix", "flake", "metadata", "--no-update-lock-file", f"path:{tmp_path}")


# -- outputs


def test_there_is_a_configuration_for_every_node_of_the_inventory(flake: Flake) -> None:
    inventory = tomllib.loads((ROOT / "hosts" / "inventory.toml").read_text())
    nodes = [n for n, host in inventory["hosts"].items() if host.get("kind", "node") == "node"]

    assert flake.evaluate("nixosConfigurations", "builtins.attrNames") == sorted(nodes)


def test_every_node_has_a_file_and_every_file_is_a_node_s() -> None:
    files = {file.stem for file in (ROOT / "hosts").glob("*.nix")}

    assert files == set(NODES)


ALIVE = "-o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=6"
ROOT_OF_NIXOPS4 = """
root: builtins.mapAttrs (_: composite: {
  members = builtins.attrNames composite.members;
  type = composite.members.nixos.type;
  ssh = { inherit (composite.members.nixos.ssh) host user hostPublicKey opts; };
  sudo = composite.members.nixos.sudo.enable;
}) (root { providers.local.exec = "local.exec"; }).members
"""


def test_each_member_of_the_root_is_a_composite_of_one_nixos(flake: Flake) -> None:
    members = flake.evaluate("nixops4", ROOT_OF_NIXOPS4)

    assert sorted(members) == NODES
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAALtiUJ9bPJi50P7ws5th4yj0+Zs838T5YCv1rENQ7B"
    assert members["desk"] == {
        "members": ["nixos"],
        "type": "local.exec",
        "ssh": {"host": "192.168.1.20", "user": "ann", "hostPublicKey": key, "opts": ALIVE},
        "sudo": True,
    }
    assert members["vm"]["ssh"]["user"] == "root"
    assert members["vm"]["sudo"] is False


def test_a_host_at_another_port_is_deployed_to_there(nix: Nix, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    inventory = folder / "hosts" / "inventory.toml"
    text = inventory.read_text()
    inventory.write_text(
        text.replace('host = "192.168.1.20",', 'host = "192.168.1.20", port = 2222,')
    )

    members = Flake(nix, folder, SMALL).evaluate("nixops4", ROOT_OF_NIXOPS4)

    assert members["desk"]["ssh"]["opts"] == f"{ALIVE} -o Port=2222"


def test_a_host_whose_ssh_key_is_not_known_is_refused_with_what_to_type(
    nix: Nix, tmp_path: Path
) -> None:
    folder = copied(tmp_path)
    inventory = folder / "hosts" / "inventory.toml"
    lines = [
        'ssh = {host = "192.168.1.10"}' if line.startswith('ssh = {host = "192.168.1.10"') else line
        for line in inventory.read_text().splitlines()
    ]
    inventory.write_text("\n".join(lines))

    with pytest.raises(
        NixError, match=r"hosts\.nas\.ssh\.public_key.*ssh-keyscan -t ed25519 192\.168\.1\.10"
    ):
        Flake(nix, folder, SMALL).evaluate("nixops4", ROOT_OF_NIXOPS4)


def test_nix_finds_the_flake_well_formed(flake: Flake) -> None:
    flake.check()


# -- nix run .#deploy


def test_nix_run_deploy_runs_the_deploy_with_the_nixops4_of_the_flake(
    flake: Flake, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    runs.write_text('#!/bin/sh\nfor word; do echo "$word"; done\nnixops4 members list\n')
    runs.chmod(0o755)

    said = flake.run("deploy", "vm", "@home", "--dry-run", environ={"SIMULACRA_RUNS": str(runs)})

    deployed = ["hosts", "deploy", "vm", "@home", "--dry-run"]
    assert said.splitlines() == [*deployed, "nixops4 of the flake: members list"]


def test_nix_run_deploy_reaches_the_command_itself(flake: Flake, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.write_text(f'#!/bin/sh\nexec {sys.executable} -m simulacra "$@"\n')
    runs.chmod(0o755)
    environ = {"SIMULACRA_RUNS": str(runs), "PYTHONPATH": str(ROOT)}

    assert "simulacra hosts deploy" in flake.run("deploy", "--help", environ=environ)


def test_the_exit_code_of_a_deploy_is_that_of_nix_run(flake: Flake, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.write_text("#!/bin/sh\necho the canary is down >&2\nexit 1\n")
    runs.chmod(0o755)

    with pytest.raises(NixError, match="the canary is down"):
        flake.run("deploy", environ={"SIMULACRA_RUNS": str(runs)})


# -- the template


TEMPLATE = ROOT / "templates" / "network"


def test_the_template_is_a_network_of_its_own(nix: Nix, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(TEMPLATE, tmp_path / "mine")
    inputs = {"simulacra": folder} | {f"simulacra/{n}": path for n, path in SMALL.items()}
    mine = Flake(nix, tmp_path / "mine", inputs)
    runs = tmp_path / "runs"
    runs.write_text('#!/bin/sh\necho "$@"\n')
    runs.chmod(0o755)

    assert mine.evaluate("nixosConfigurations", "builtins.attrNames") == ["desk", "server"]
    said = mine.run("deploy", "@all", environ={"SIMULACRA_RUNS": str(runs)})
    assert said == "hosts deploy @all\n"


def test_the_template_has_a_file_for_each_node() -> None:
    inventory = read((TEMPLATE / "hosts" / "inventory.toml").read_text())

    files = {file.stem for file in (TEMPLATE / "hosts").glob("*.nix")}

    assert files == {name for name, host in inventory.hosts.items() if host.kind is Kind.NODE}


@pytest.mark.parametrize("folder", ["templates/network/hosts", "hosts/flake/checks/network"])
def test_an_inventory_that_nix_reads_is_right_and_its_plan_is_of_it(folder: str) -> None:
    text = (ROOT / folder / "inventory.toml").read_bytes()

    made = plan(read(text.decode()), hashlib.sha256(text).hexdigest())

    assert to_text(made) == (ROOT / folder / "plan.json").read_text()


def test_the_flake_gives_the_template_out(flake: Flake) -> None:
    path = flake.evaluate("templates.network.path", "path: builtins.readDir path")

    assert path.keys() >= {"README.md", "flake.nix", "hosts"}
