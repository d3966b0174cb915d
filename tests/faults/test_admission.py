"""Hosts of a lab that are let in by invitation, and put out again."""

from __future__ import annotations

import shutil
import signal
import time

import pytest

from simulacra.cli.exits import ExitCode
from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.plan import PORT
from tests.faults.network import FIVE, Labs, agreed
from tests.machines import wait_for

pytestmark = pytest.mark.lab


def founded(lab: Lab) -> list[Host]:
    """All hosts in one new network: each was let in by the one before it, through its door."""
    for host in lab:
        if host.node_pid():
            host.signal_node(signal.SIGKILL)
        shutil.rmtree(host.home / "simulacra", ignore_errors=True)
    first, *others = lab
    first.up()
    first.simulacra("init", "home")
    by = first
    for host in others:
        host.up("--join", f"{invitation(first)}@{by.address}")
        by = host
    lab.wait_met()
    return [first, *others]


def invitation(owner: Host) -> str:
    return str(owner.json("invite")["token"])


def expel(owner: Host, host: str) -> float:
    """Expel a host; when its expulsion was in force there, by the clock of them all."""
    owner.simulacra("expel", host, "--reason", "lost in a train")
    events = [each for each in owner.client.items("events") if each["kind"] == "host.expelled"]
    assert events[-1]["host"] == host
    return float(events[-1]["time"])


def connections(host: Host, other: Host) -> list[str]:
    """The lines of the kernel for what is open between two hosts' nodes, seen from the first."""
    shown = host.run(["ss", "-Htn", "state", "established", "dst", other.address]).stdout
    return [line for line in shown.splitlines() if f":{PORT}" in line]


def test_an_expelled_host_has_no_connection_after_a_second_and_never_again(labs: Labs) -> None:
    lab = labs(*FIVE)
    a, b, c, d, e = founded(lab)
    rest = [a, b, c, d]
    assert all(connections(host, e) for host in rest)
    since = expel(a, "e")
    wait_for(lambda: not any("e" in host.sees() for host in rest), 5)
    wait_for(lambda: not any(connections(host, e) for host in rest), 5)
    assert time.time() - since < 1
    # Neither it nor they come together again when they start anew, nor does an invitation help.
    e.signal_node(signal.SIGKILL)
    c.signal_node(signal.SIGKILL)
    refused = e.simulacra("up", "--detach", "--join", f"{invitation(a)}@{b.address}", check=False)
    assert (refused.returncode, "keys reset" in refused.stderr) == (ExitCode.DENIED, True)
    c.up()
    e.up()
    lab.wait_met("a", "b", "c", "d")
    assert not any("e" in host.sees() for host in rest)
    assert e.sees() == set()


def test_an_expulsion_reaches_hosts_that_were_cut_off_and_outlives_restarts(labs: Labs) -> None:
    lab = labs(*FIVE)
    a, b, c, d, e = founded(lab)
    lab.split(["a", "b"], ["c", "d", "e"])
    wait_for(lambda: "e" not in a.sees() and "c" not in a.sees())
    expel(a, "e")
    assert "e" in c.sees()
    lab.heal()
    wait_for(lambda: not any("e" in host.sees() for host in (a, b, c, d)))
    for host in (a, b, c, d):
        host.signal_node(signal.SIGKILL)
    for host in (d, c, b, a):
        host.up()
    lab.wait_met("a", "b", "c", "d")
    wait_for(lambda: agreed([a, b, c, d]))
    assert not any("e" in host.sees() for host in (a, b, c, d))
    assert not any(connections(host, e) for host in (a, b, c, d))
