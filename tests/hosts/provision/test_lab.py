"""Good night and good morning in a lab: a host that really stops, and a packet that wakes it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.plan import HOME
from tests.machines import PATIENCE, wait_for

pytestmark = pytest.mark.lab

MAC = "02:00:00:00:0d:e5"
SUSPEND = "#!/bin/sh\necho $0 $* >>~/asked\n"
CARD = """
import socket, sys
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
magic = b"\\xff" * 6 + bytes.fromhex(sys.argv[1].replace(":", "")) * 16
print("listening", flush=True)
while magic not in packets.recv(65535):
    pass
print("woken", flush=True)
"""
INVENTORY = f"""
[network]
name = "home"
[zones.home]
[hosts.desk]
zone = "home"
mac = "{MAC}"
[hosts.nas]
zone = "home"
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("laptop", "nas", "desk") as lab:
        (lab.folder / "disks" / "laptop" / "inventory.toml").write_text(INVENTORY)
        for host, zone in (("laptop", "away"), ("nas", "home"), ("desk", "home")):
            settings = lab[host].home / "simulacra" / "config" / "simulacra.toml"
            settings.parent.mkdir(parents=True)
            sleep = f'[sleep]\nsuspend = ["{HOME}/suspend", "now"]\n' if host == "desk" else ""
            settings.write_text(f'zone = "{zone}"\n{sleep}')
        (lab["desk"].home / "suspend").write_text(SUSPEND)
        (lab["desk"].home / "suspend").chmod(0o755)
        lab.start_nodes()
        yield lab
        for each in lab:
            each.down()


class Card:
    """A network card of a host, which hears packets also while the host sleeps."""

    def __init__(self, host: Host) -> None:
        # In the host's network, and else no process of the host's.
        enter = ["nsenter", "-t", str(host.pid), "-n", sys.executable, "-c", CARD, MAC]
        self.process = subprocess.Popen(enter, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "listening\n"

    def wait_woken(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "woken\n"

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def card(lab: Lab) -> Iterator[Card]:
    card = Card(lab["desk"])
    yield card
    card.close()


def state_of_desk(host: Host) -> str:
    return next(str(p["state"]) for p in host.status()["peers"] if p["host"] == "desk")


def test_a_host_sleeps_and_is_woken_by_a_neighbour(lab: Lab, card: Card) -> None:
    laptop, nas, desk = lab
    said = laptop.simulacra("sleep", "desk").stderr
    assert "desk goes to sleep; simulacra wake desk" in said
    assert (desk.home / "asked").read_text() == f"{HOME}/suspend now\n"
    desk.stop()
    wait_for(lambda: {state_of_desk(laptop), state_of_desk(nas)} == {"asleep"})

    waking = laptop.popen(["simulacra", "wake", "desk", "--wait"], stderr=subprocess.PIPE)
    card.wait_woken()
    desk.cont()
    _, told = waking.communicate(timeout=PATIENCE)
    assert waking.returncode == 0, told
    sent, awake = told.decode().splitlines()
    assert sent == "simulacra: nas has told 10.77.0.255 to wake desk"
    assert awake.startswith("simulacra: desk is awake, after ")
    assert "awake already" in laptop.simulacra("wake", "desk").stderr
    assert "desk is awake: it slept for" in desk.simulacra("events").stdout
