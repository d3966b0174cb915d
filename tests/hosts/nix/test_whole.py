"""With a tree of nixpkgs: every host evaluated to the last unit, and NixOps4's own root."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest

from simulacra.hosts.inventory.reading import read
from simulacra.overlay.plan.planning import plan
from simulacra.overlay.plan.text import to_text
from tests.hosts.nix.flakes import NO_FLAKES, NO_NIXPKGS, Flake, copied, whole_inputs
from tests.hosts.nix.nix import Nix, NixError, needs_nix

INPUTS = whole_inputs()
PATIENCE = 500
"""Seconds that an evaluation may take; five hosts take ten where nothing else is to do."""
pytestmark = [
    needs_nix,
    pytest.mark.skipif(bool(NO_NIXPKGS), reason=NO_NIXPKGS),
    pytest.mark.timeout(3 * PATIENCE),
]
needs_flakes = pytest.mark.skipif(bool(NO_FLAKES), reason=NO_FLAKES)

NODES = {"attic", "desk", "laptop", "nas", "vm"}
NEVER_SLEEPS = "services.simulacra.maySleep = false;"
TOPLEVEL = "builtins.mapAttrs (_: host: host.config.system.build.toplevel.drvPath)"
OF_ROOT = """
root: builtins.mapAttrs
  (_: composite: builtins.elemAt composite.members.nixos.resource.inputs.args 3)
  (root.rootFunction { resourceProviderSystem = "x86_64-linux"; outputValues = { }; }).members
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("whole"))


def flake(nix: Nix, folder: Path) -> Flake:
    environ = {"SIMULACRA_NIXPKGS": os.environ["SIMULACRA_NIXPKGS"]}
    return Flake(nix, folder, INPUTS, environ, within=PATIENCE)


def changed(folder: Path, host: str, line: str) -> Path:
    """The flake with a line more for a host."""
    hosts = copied(folder) / "hosts"
    (hosts / f"{host}.nix").rename(hosts / "modules" / "unchanged.nix")
    imported = "imports = [ ./modules/unchanged.nix ];"
    (hosts / f"{host}.nix").write_text(f"{{ lib, ... }}: {{ {imported} {line} }}")
    return folder


def test_every_host_evaluates_to_its_last_unit(nix: Nix, folder: Path) -> None:
    made = flake(nix, folder).evaluate("nixosConfigurations", TOPLEVEL)

    assert set(made) == NODES
    for host, path in made.items():
        assert re.search(rf"-nixos-system-{host}-.*\.drv$", path)


@needs_flakes
def test_nixops4_deploys_what_the_configurations_are(nix: Nix, folder: Path) -> None:
    whole = flake(nix, folder)
    built = "builtins.mapAttrs (_: host: host.config.system.build.toplevel.outPath)"

    assert whole.evaluate("nixops4", OF_ROOT) == whole.evaluate("nixosConfigurations", built)


@needs_flakes
def test_a_system_is_tried_by_the_apply_that_nixops4_calls(nix: Nix, folder: Path) -> None:
    commands = flake(nix, folder).evaluate(
        "nixosConfigurations.desk.config.system.activatableSystemBuilderCommands"
    )

    made, moved = commands.index("apply.sh $out/bin/apply"), commands.index("mv $out/bin/apply")
    assert made < moved < commands.index("tried.sh >$out/bin/apply")


def test_the_hosts_of_the_template_evaluate(nix: Nix, folder: Path) -> None:
    inputs = {"simulacra": folder} | {f"simulacra/{n}": path for n, path in INPUTS.items()}
    environ = {"SIMULACRA_NIXPKGS": os.environ["SIMULACRA_NIXPKGS"]}
    mine = Flake(nix, folder / "templates" / "network", inputs, environ, within=PATIENCE)

    assert set(mine.evaluate("nixosConfigurations", TOPLEVEL)) == {"desk", "server"}


@needs_flakes
def test_the_flake_has_checks_and_a_package(nix: Nix, folder: Path) -> None:
    whole = flake(nix, folder)

    package = whole.evaluate("packages.x86_64-linux.simulacra.drvPath")
    assert re.search(r"-simulacra-[0-9.]+\.drv$", package)
    checks = whole.evaluate("checks.x86_64-linux", "builtins.attrNames")
    here = {f"host-{host}" for host in NODES - {"vm"}}
    assert set(checks) == {*here, "nixops-providers", "openvpn", "wireguard"}


# NixOps4 itself is built by what is no input of it offline: any package is one here.
SHELLS = """
pkgs:
let
  arguments = { nixops4 = pkgs.bash; simulacra = pkgs.callPackage %s/package.nix { }; };
in
map (file: (pkgs.callPackage file arguments).drvPath) [ %s/shell.nix %s/deploy.nix ]
"""


def test_there_is_a_shell_and_a_program_for_the_deploy(nix: Nix, folder: Path) -> None:
    parts = folder / "hosts" / "flake"

    shell, deploy = flake(nix, folder).evaluate(
        "nixosConfigurations.desk.pkgs", SHELLS % (parts, parts, parts)
    )

    assert shell.endswith("-shell.drv")
    assert deploy.endswith("-simulacra-deploy.drv")


WRONG = [
    (
        "desk",
        'services.simulacra.settings.labels = "gpu";',
        "services.simulacra.settings.labels' is not of type `list of",
    ),
    ("desk", 'services.simulacra.user = "Ann B";', "services.simulacra.user' is not of type"),
    ("desk", "services.simulacra.overlays.enable = true;", "overlays' does not exist"),
    (
        "desk",
        'services.simulacra.user = lib.mkForce "bob";',
        "services.simulacra.user is bob, who is no person of this host",
    ),
    (
        "desk",
        "services.simulacra.enable = false;",
        "services.simulacra.overlay needs the node",
    ),
    (
        "vm",
        "services.simulacra.overlay.openvpn.key = lib.mkForce ./vm.nix;",
        "not of type `path of a file on the host, as a string and outside of the store",
    ),
    (
        "vm",
        'services.simulacra.overlay.openvpn.sharedKeys.attic = lib.mkForce "attic.key";',
        "not of type `path of a file on the host",
    ),
    (
        "desk",
        'services.simulacra.overlay.host = "nobody";',
        "knows no host nobody: `simulacra hosts add nobody`",
    ),
]


@pytest.mark.parametrize(("host", "line", "said"), WRONG)
def test_what_is_wrong_is_told(nix: Nix, tmp_path: Path, host: str, line: str, said: str) -> None:
    folder = changed(tmp_path, host, line)

    with pytest.raises(NixError) as told:
        flake(nix, folder).evaluate(
            f"nixosConfigurations.{host}.config.system.build.toplevel.drvPath"
        )

    assert said in " ".join(str(told.value).split())


def test_a_device_is_the_node_s_user_s(nix: Nix, folder: Path) -> None:
    rules = flake(nix, folder).evaluate("nixosConfigurations.desk.config.services.udev.extraRules")

    (rule,) = [line for line in rules.splitlines() if "simulacra/" in line]
    assert rule == (
        'SUBSYSTEM=="usb", ATTR{idVendor}=="04b8", ATTR{idProduct}=="0e15", '
        'GROUP="simulacra-devices", MODE="0660", SYMLINK+="simulacra/scanner"'
    )


@pytest.mark.parametrize(("line", "told"), [("", True), (NEVER_SLEEPS, False)])
def test_the_node_may_have_the_machine_sleep_unless_that_is_said(
    nix: Nix, tmp_path: Path, line: str, told: bool
) -> None:
    found = flake(nix, changed(tmp_path, "nas", line)).evaluate(
        "nixosConfigurations.nas.config.security.polkit",
        "polkit: { inherit (polkit) enable extraConfig; }",
    )

    assert ('subject.user == "ann"' in found["extraConfig"]) == told
    assert found["enable"] == told


def test_a_device_without_a_right_number_is_refused(nix: Nix, tmp_path: Path) -> None:
    line = 'services.simulacra.proxies.devices.pen = { vendor = "Epson"; };'
    folder = changed(tmp_path, "desk", line)

    with pytest.raises(NixError, match="string matching the pattern"):
        flake(nix, folder).evaluate("nixosConfigurations.desk.config.services.udev.extraRules")


def test_a_host_s_sshd_listens_where_it_is_deployed_to(nix: Nix, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    inventory = folder / "hosts" / "inventory.toml"
    line = 'ssh = {host = "192.168.1.10",'
    text = inventory.read_text().replace(line, f"{line} port = 2222,")
    inventory.write_text(text)
    made = plan(read(text), hashlib.sha256(text.encode()).hexdigest())
    (folder / "hosts" / "plan.json").write_text(to_text(made))

    ports = flake(nix, folder).evaluate(
        "nixosConfigurations",
        "hosts: builtins.mapAttrs (_: host: host.config.services.openssh.ports)"
        " { inherit (hosts) nas vm; }",
    )

    assert ports == {"nas": [2222], "vm": [22]}


def test_a_stale_plan_is_refused(nix: Nix, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    inventory = folder / "hosts" / "inventory.toml"
    inventory.write_text(inventory.read_text() + "# changed since\n")

    with pytest.raises(NixError, match=r"plan\.json is stale.*type `simulacra hosts plan`"):
        flake(nix, folder).evaluate("nixosConfigurations", TOPLEVEL)


OPTIONS = """
options:
let
  of = option:
    if option._type or "" == "option" then
      [ { name = builtins.concatStringsSep "." option.loc;
          described = option ? description;
          type = option.type.description; } ]
    else
      builtins.concatMap (name: of option.${name})
        (builtins.filter (name: name != "_module") (builtins.attrNames option));
in of options
"""


def test_every_option_is_described_and_has_a_type(nix: Nix, folder: Path) -> None:
    found: list[dict[str, Any]] = flake(nix, folder).evaluate(
        "nixosConfigurations.desk.options.services.simulacra", OPTIONS
    )

    assert len(found) > 20
    assert all(each["described"] and each["type"] for each in found)


def test_what_a_unit_says_is_what_the_plan_says(nix: Nix, folder: Path) -> None:
    units = flake(nix, folder).evaluate(
        "nixosConfigurations.desk.config.systemd.network",
        "network: builtins.mapAttrs (_: unit: unit.text) network.units",
    )

    assert "PrivateKeyFile=/run/simulacra-overlay/key" in units["50-simulacra-sim0.netdev"]
    assert "Domains=~home" in units["50-simulacra-sim0.network"]
    assert "Endpoint=192.168.1.10:51821" in units["50-simulacra-sim217.netdev"]


VM_TEST = """
test: {
  script = test.config.testScript;
  wrong = builtins.mapAttrs
    (_: node: map (each: each.message) (builtins.filter (each: !each.assertion) node.assertions))
    test.config.nodes;
  devices = builtins.mapAttrs
    (_: node: builtins.attrNames node.systemd.network.netdevs) test.config.nodes;
}
"""


@pytest.mark.parametrize("name", ["wireguard", "openvpn"])
def test_a_test_in_virtual_machines_is_well_formed(nix: Nix, folder: Path, name: str) -> None:
    found = flake(nix, folder).evaluate(f"checks.x86_64-linux.{name}", VM_TEST)

    compile(found["script"], f"{name}.py", "exec")
    assert found["wrong"] == {"left": [], "right": [], "router": []}
    assert found["devices"]["left"] == ["50-simulacra-sim0", "50-simulacra-sim165"]
    assert found["devices"]["right"] == ["50-simulacra-sim0", "50-simulacra-simr"]


def test_the_helper_has_one_right_and_nothing_to_write(nix: Nix, folder: Path) -> None:
    unit = flake(nix, folder).evaluate(
        "nixosConfigurations.desk.config.systemd.services.simulacra-overlay.serviceConfig"
    )

    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == ["CAP_NET_ADMIN"]
    assert unit["NoNewPrivileges"] is True
    assert unit["ProtectSystem"] == "strict"
    assert unit["User"] not in {"root", "ann"}
    assert "ReadWritePaths" not in unit


def test_from_outside_the_firewall_opens_ssh_and_the_overlay_alone(nix: Nix, folder: Path) -> None:
    wall = flake(nix, folder).evaluate(
        "nixosConfigurations.nas.config.networking.firewall",
        "f: { inherit (f) allowedTCPPorts allowedTCPPortRanges allowedUDPPorts"
        " allowedUDPPortRanges trustedInterfaces; }",
    )

    assert wall == {
        "allowedTCPPorts": [],
        "allowedTCPPortRanges": [{"from": 22, "to": 22}],
        "allowedUDPPorts": [],
        "allowedUDPPortRanges": [{"from": port, "to": port} for port in (51820, 51821, 51845)],
        "trustedInterfaces": ["sim0", "simr", "sim24", "lo"],
    }
