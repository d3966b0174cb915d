from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.gateway.server import Gateway
from simulacra.actors.settings import Paths, Settings
from simulacra.cli import checks
from simulacra.cli.checks import CHECKS, Finding, Verdict

from .samples import STATUS


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    paths = Paths(tmp_path / "config", tmp_path / "state", tmp_path / "run")
    return Settings(name="desk", paths=paths)


def findings(check: checks.Check, settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in check(settings)}


def test_whatever_is_not_well_says_what_to_do(settings: Settings) -> None:
    for check in CHECKS:
        for finding in check(settings):
            assert finding.found
            assert finding.verdict is not Verdict.WRONG or finding.todo


def test_the_nodes_folders_are_not_made_by_looking(settings: Settings, tmp_path: Path) -> None:
    found = findings(checks.folders, settings)
    assert found["config"].verdict is Verdict.OK
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_others_can_read(settings: Settings) -> None:
    key = settings.paths.key("desk")
    key.parent.mkdir()
    key.touch(mode=0o600)
    assert findings(checks.keys, settings)["keys"].verdict is Verdict.OK
    key.chmod(0o644)
    found = findings(checks.keys, settings)["keys"]
    assert (found.verdict, found.todo) == (Verdict.WRONG, f"chmod 600 {key}")


def test_a_port_that_is_taken(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = Settings(name="desk", listen=f"127.0.0.1:{port}", paths=settings.paths)
        found = findings(checks.gateway, busy)
    assert found["node"].verdict is Verdict.ADVICE
    assert found["port"].verdict is Verdict.WRONG
    assert "--listen" in found["port"].todo


def test_a_port_for_bulk_that_is_taken(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = Settings(name="desk", bulk_port=port, paths=settings.paths)
        found = findings(checks.gateway, busy)
    assert found["port"].verdict is Verdict.OK
    assert found["bulk port"].verdict is Verdict.WRONG
    assert f"127.0.0.1:{port}" in found["bulk port"].found
    assert "--bulk-port" in found["bulk port"].todo


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, Verdict.OK),
        ({"clock": -5.0}, Verdict.ADVICE),
        ({"state": "refused", "reason": "its key is not admitted"}, Verdict.WRONG),
    ],
)
def test_peers_of_a_node_that_is_up(
    settings: Settings, change: dict[str, Any], verdict: Verdict
) -> None:
    found = of_a_node(settings, {**STATUS, "peers": [{**STATUS["peers"][0], **change}]})
    assert found["node"].verdict is Verdict.OK
    assert found["peer nas"].verdict is verdict


def test_a_node_that_is_out_of_its_network_says_so_and_how_to_come_back(settings: Settings) -> None:
    found = of_a_node(settings, {**STATUS, "out": "desk was expelled by nas: stolen"})
    assert found.keys() == {"node", "network"}
    assert found["network"].verdict is Verdict.WRONG
    assert "desk was expelled by nas: stolen" in found["network"].found
    assert "simulacra keys reset" in found["network"].todo


def of_a_node(settings: Settings, status: dict[str, Any]) -> dict[str, Finding]:
    path = settings.paths.socket("desk")
    gateway = Gateway(path, {"status": lambda _: [status]}, node="desk", version="1")
    gateway.start()
    try:
        return findings(checks.gateway, settings)
    finally:
        assert gateway.close()
