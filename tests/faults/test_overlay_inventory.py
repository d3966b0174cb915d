"""From an inventory's text to a live mesh, whose hosts let in what the inventory says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from simulacra.hosts.inventory.reading import read
from simulacra.overlay.mesh.access import ruleset
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.planning import plan
from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.overlay import LabOverlay
from tests.faults.overlays import all_are, sessions, verdicts
from tests.machines import PATIENCE, wait_for

pytestmark = pytest.mark.lab

HOSTS = ("desk", "laptop", "nas", "vm")
INVENTORY = """
[network]
name = "home"

[zones.home]
lan = ["10.77.0.0/24"]

[zones.cloud]

[roles.storage]
accepts = ["work"]
ports = ["tcp/9000"]

[hosts.desk]
zone = "home"
roles = ["work"]
wireguard = "{desk}"
lan = ["{at[desk]}"]

[hosts.laptop]
zone = "home"
wireguard = "{laptop}"
lan = ["{at[laptop]}"]

[hosts.nas]
zone = "home"
roles = ["storage"]
wireguard = "{nas}"
lan = ["{at[nas]}"]
ssh = {{host = "{at[nas]}"}}

[hosts.vm]
zone = "cloud"
wireguard = "{vm}"
endpoints = ["{at[vm]}"]
relay = true
"""
SERVE = """
import socket, sys
served = socket.create_server(("", int(sys.argv[1])))
print("ready", flush=True)
sys.stdin.read()
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5)"
PORTS = (9000, 9001)


@pytest.fixture(scope="module")
def overlay() -> Iterator[LabOverlay]:
    with Lab(*HOSTS) as lab:
        at = {host.name: host.address for host in lab}

        def make(keys: Mapping[str, str]) -> Plan:
            return plan(read(INVENTORY.format(at=at, **keys)), "0" * 64)

        overlay = LabOverlay(lab, make)
        overlay.start_nodes()
        yield overlay


def reaches(source: Host, address: str, port: int) -> bool:
    words = [sys.executable, "-c", CONNECT, address, str(port)]
    return source.popen(words, stderr=subprocess.DEVNULL).wait(PATIENCE) == 0


@pytest.fixture(scope="module")
def served(overlay: LabOverlay) -> Iterator[None]:
    """Somebody listens on the NAS, at all its addresses."""
    started = [
        overlay.lab["nas"].popen(
            [sys.executable, "-c", SERVE, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for port in PORTS
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == b"ready\n"
    yield
    for each in started:
        each.communicate(timeout=PATIENCE)


def test_the_nodes_work_together_behind_their_access_lists(overlay: LabOverlay) -> None:
    all_are(overlay, "direct")
    wait_for(lambda: verdicts(overlay, "laptop") == {"ok"})
    before = sessions(overlay)
    ran = overlay.lab["laptop"].simulacra("run", "--on", "nas", "--", "hostname")
    assert ran.stdout.strip() == "nas"
    assert sessions(overlay) == before


@pytest.mark.usefixtures("served")
def test_a_role_is_let_in_and_another_one_is_not(overlay: LabOverlay) -> None:
    nas = overlay.address("nas")
    found = {
        (source, port): reaches(overlay.lab[source], nas, port)
        for source in ("desk", "laptop")
        for port in PORTS
    }
    assert found == {
        ("desk", 9000): True,
        ("desk", 9001): False,
        ("laptop", 9000): False,
        ("laptop", 9001): False,
    }


@pytest.mark.usefixtures("served")
def test_from_outside_of_the_overlay_only_ssh_answers(overlay: LabOverlay) -> None:
    nas = overlay.lab["nas"]
    # As the helper does where it is told to guard that too.
    nas.run(["nft", "-f", "-"], input=ruleset(overlay.plan, "nas", outside=True))
    underlay = nas.address
    found = {port: reaches(overlay.lab["desk"], underlay, port) for port in (22, *PORTS)}
    assert found == {22: True, 9000: False, 9001: False}
