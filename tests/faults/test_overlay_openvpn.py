"""UDP is blocked at a host of an overlay, and OpenVPN carries WireGuard until it is not."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from simulacra.overlay.mesh.helper_client import HelperClient
from simulacra.overlay.plan.document import Plan
from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.overlay import PLAN, SOCKET, LabOverlay
from simulacra.testing.lab.plan import HOME
from tests.faults.overlays import talking, undisturbed, ways
from tests.machines import PATIENCE, wait_for
from tests.overlay.plans import unpeered
from tests.overlay.tunnelled import tunnelled

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("openvpn") is None, reason="openvpn is not installed"),
]

HOSTS = ("relay", "a", "b")
HELPER = (sys.executable, "-m", "simulacra.overlay.mesh.helper")
AT = ("--plan", PLAN, "--state", f"{HOME}/overlay")
BLOCK = """
table inet block
delete table inet block
table inet block {
  chain out { type filter hook output priority -300; oifname "eth0" meta l4proto udp drop; }
  chain in { type filter hook input priority -300; iifname "eth0" meta l4proto udp drop; }
}
"""
OPEN = "table inet block\ndelete table inet block\n"


@pytest.fixture
def overlay() -> Iterator[LabOverlay]:
    with Lab(*HOSTS) as lab:
        addresses = {host.name: host.address for host in lab}

        def make(keys: Mapping[str, str]) -> Plan:
            prints = {host.name: fingerprint(host) for host in lab}
            own = prints.pop("relay")
            plan = tunnelled(HOSTS, prints, addresses=addresses, relay_print=own, keys=keys)
            # These two have no other way to each other than by the relay.
            return unpeered(unpeered(plan, "a", "b"), "b", "a")

        overlay = LabOverlay(lab, make)
        overlay.start_nodes()
        yield overlay


def fingerprint(host: Host) -> str:
    with HelperClient(host.home / SOCKET.rpartition("/")[2]) as helper:
        return helper.fingerprint()


def udp(host: Host, ruleset: str) -> None:
    """Block UDP at a host's cable, or no more."""
    host.run(["nft", "-f", "-"], input=ruleset)


def runs_openvpn(host: Host) -> bool:
    return any("openvpn" in words[0] for _, words in host.processes())


def are(overlay: LabOverlay, **wanted: dict[str, str]) -> None:
    """Wait until these hosts reach the others so."""
    for host, each in wanted.items():
        wait_for(lambda host=host, each=each: ways(overlay, host) == each, what=host)  # type: ignore[misc]


def test_openvpn_carries_the_overlay_until_udp_is_back(overlay: LabOverlay) -> None:
    relay, a, b = (overlay.lab[name] for name in HOSTS)
    over_udp = {"relay": "direct"}
    are(overlay, a=over_udp | {"b": "relayed"}, b=over_udp | {"a": "relayed"})
    assert runs_openvpn(relay)
    assert not runs_openvpn(a)
    address = overlay.address("b")
    # It may take longer than it takes to hold a host to be down; their mail waits for it.
    with talking(overlay, "a", "b"):
        udp(a, BLOCK)
        are(overlay, a={"relay": "tunnelled", "b": "tunnelled"}, b=over_udp | {"a": "relayed"})
        assert runs_openvpn(a)
        assert not runs_openvpn(b)
        assert a.run(["ping", "-c1", "-W2", "-s1300", address]).returncode == 0
        wait_for(lambda: a.sees() == {"relay", "b"})
    # Nothing is lost on the way back.
    words = ["ping", "-i0.1", "-W2", address]
    with undisturbed(overlay, "a", "b"), a.popen(words, stdout=subprocess.PIPE) as ping:
        udp(a, OPEN)
        are(overlay, a=over_udp | {"b": "relayed"})
        wait_for(lambda: not runs_openvpn(a))
        ping.send_signal(signal.SIGINT)
        said = ping.communicate(timeout=PATIENCE)[0].decode()
    came = [int(each) for each in re.findall(r"bytes from .* icmp_seq=(\d+)", said)]
    assert came == list(range(1, len(came) + 1)), said
    assert len(came) > 20
    assert "Redirect" not in said


def test_a_host_without_wireguard_is_in_the_overlay_by_a_shared_key() -> None:
    with Lab("relay", "b", "old") as lab:
        addresses = {host.name: host.address for host in lab}

        def make(keys: Mapping[str, str]) -> Plan:
            return tunnelled(["relay", "b", "old"], {}, addresses=addresses, old=["old"], keys=keys)

        overlay = LabOverlay(lab, make)
        relay, b, old = lab
        for host in (relay, b):
            host.up()
        told = relay.run([*HELPER, "--host", "relay", "--share", "old", *AT])
        assert "can read all that was ever sent" in told.stderr
        (old.home / "old.conf").write_text(told.stdout)
        with old.popen(["openvpn", "--config", "old.conf"], stdout=subprocess.DEVNULL) as tunnel:
            wait_for(lambda: pings(old, overlay.address("relay")))
            wait_for(lambda: pings(old, overlay.address("b")))
            wait_for(lambda: pings(b, overlay.address("old")))
            assert pings(relay, overlay.address("old"))
            assert ways(overlay, "b")["old"] == "relayed"
            tunnel.terminate()


def pings(host: Host, address: str) -> bool:
    return host.run(["ping", "-c1", "-W1", address], check=False).returncode == 0
