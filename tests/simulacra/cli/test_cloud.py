"""``cloud`` on the command line, with a node that lets machines in and a cloud that has them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.cluster.invitations import split_join
from simulacra.cli.exits import ExitCode
from simulacra.cli.main import main
from tests.hosts.provision.cloud.nebula import OpenNebula, served
from tests.onehost import one_host, until
from tests.twohosts import enrolling

INVENTORY = """
[network]
name = "home"
[zones.cloud]
[clouds.one]
driver = "opennebula"
image = "7"
size = "1x1024"
endpoint = "{endpoint}"
[hosts.worker1]
zone = "cloud"
cloud = "one"
"""


@pytest.fixture
def nebula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenNebula]:
    monkeypatch.setenv("SIMULACRA_HOME", str(tmp_path))
    monkeypatch.setenv("SIMULACRA_NAME", "desk")
    monkeypatch.setenv("ONE_USERNAME", "me")
    monkeypatch.setenv("ONE_PASSWORD", "hush")
    monkeypatch.chdir(tmp_path)
    with served() as (nebula, endpoint):
        (tmp_path / "inventory.toml").write_text(INVENTORY.format(endpoint=endpoint))
        yield nebula


@pytest.fixture
def owner(nebula: OpenNebula, tmp_path: Path) -> Iterator[OpenNebula]:
    """This machine is in the network, and its node lets others in."""
    enrolling(tmp_path, "desk").found("home")
    with one_host(tmp_path) as desk:
        until(lambda: desk.node.enrolment.door)
        yield nebula


def test_a_machine_is_rented_shown_and_let_go(
    owner: OpenNebula, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cloud", "create", "worker1"]) == ExitCode.OK
    assert "worker1 is rented: 1, by the template one" in capsys.readouterr().err
    [data] = re.findall(r'USER_DATA="([^"]*)"', owner.vms[1][3])
    [file] = json.loads(base64.b64decode(data).decode().partition("\n")[2])["write_files"]
    token, [door] = split_join(file["content"].strip())
    assert token.startswith("sim1")
    assert door
    assert main(["cloud", "create", "worker1", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["new"] is False
    assert main(["cloud"]) == ExitCode.OK
    assert re.search(r"worker1 +1 +one +starting +192\.0\.2\.1", capsys.readouterr().out)
    assert main(["cloud", "destroy", "worker1"]) == ExitCode.OK
    assert main(["cloud", "destroy", "worker1"]) == ExitCode.NOT_FOUND
    assert main(["cloud", "list", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"machines": []}


def test_orphans_are_shown_and_let_go_only_when_told(
    nebula: OpenNebula, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = 'SIMULACRA_NETWORK="home"\nSIMULACRA_HOST="lost"\nSIMULACRA_SINCE="1000"'
    nebula.template_instantiate(7, "home-lost", False, marks)
    assert main(["cloud"]) == ExitCode.OK
    assert "an orphan" in capsys.readouterr().out
    assert main(["cloud", "reap"]) == ExitCode.OK
    shown = capsys.readouterr()
    assert shown.out.startswith("lost (1, rented ")
    assert "simulacra cloud reap --yes" in shown.err
    assert main(["cloud", "reap", "--yes", "--json"]) == ExitCode.OK
    [orphan] = json.loads(capsys.readouterr().out)["orphans"]
    assert orphan["host"] == "lost"
    assert main(["cloud", "reap", "--yes"]) == ExitCode.OK
    assert "there are no orphans" in capsys.readouterr().err


def test_who_cannot_invite_rents_nothing(
    nebula: OpenNebula, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["cloud", "create", "worker1"]) != ExitCode.OK
    assert nebula.vms == {}
    monkeypatch.delenv("ONE_PASSWORD")
    assert main(["cloud"]) == ExitCode.FAILED
    assert "does not say ONE_PASSWORD" in capsys.readouterr().err


def test_an_inventory_of_another_network_is_refused(
    owner: OpenNebula, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "inventory.toml"
    file.write_text(file.read_text().replace('"home"', '"office"'))
    assert main(["cloud"]) == ExitCode.USAGE
    assert "of the network office, and this machine is in home" in capsys.readouterr().err
    assert owner.vms == {}
