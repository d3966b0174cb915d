"""Moves between hosts of a lab: cables that are pulled, slow links, hosts that are lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.plan import PORT
from tests.machines import GatewayError, Machine, wait_for

pytestmark = [
    pytest.mark.lab,
]

COUNTER = """
def main(ctx, size):
    ctx.state.ballast = b"x" * size
    got = ctx.state.setdefault("got", [])
    while True:
        message = ctx.receive()
        if message.body == "end":
            return got
        got.append(message.body)
        message.reply(len(got))
"""


class LabMachine(Machine):
    """A host of the lab, with the command line's own node."""

    def __init__(self, host: Host) -> None:
        super().__init__(host.name, host.home / "simulacra", host.address, PORT)
        self._host = host

    def up(self, die_at: int = 0, software: str = "") -> None:
        """Start the node and wait until it answers."""
        self._host.up()
        self.pid = self._host.node_pid()


class Hosts:
    """The hosts of a lab, all up and met."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.all = [LabMachine(host) for host in lab]
        for host in self.all:
            host.admit(*self.all)
        for host in self.all:
            host.up()
        self.wait_met()

    def wait_met(self) -> None:
        self.lab.wait_met()


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with Lab("laptop", "desk", "nas") as lab:
        hosts = Hosts(lab)
        yield hosts
        for host in hosts.all:
            host.down()


def test_a_cable_is_pulled_during_a_move_and_put_back(hosts: Hosts) -> None:
    laptop, desk, nas = hosts.all
    desk.spawn(COUNTER, 8_000_000, name="counter")
    sent = [nas.ask("counter", number) for number in range(5)]
    hosts.lab.slow("desk", rate="20mbit")  # so that the state takes some seconds
    outcome: list[object] = []

    def migrate() -> None:
        try:
            outcome.append(desk.migrate("counter", "laptop"))
        except GatewayError as error:
            outcome.append(error)

    moving = threading.Thread(target=migrate)
    moving.start()
    wait_for(lambda: desk.rows("counter")[0]["state"] == "moving")
    hosts.lab.unplug("laptop")
    moving.join()
    assert "stays on desk" in str(outcome[0])
    hosts.lab.slow("desk")
    assert nas.ask("counter", 5) == len(sent) + 1
    hosts.lab.plug("laptop")
    hosts.wait_met()
    assert desk.migrate("counter", "laptop")["target"] == "laptop"
    nas.tell("counter", "end")
    assert laptop.result("counter") == list(range(6))


def test_over_a_slow_link_a_computation_runs_where_its_data_is(
    hosts: Hosts, tmp_path: Path
) -> None:
    laptop, _, _ = hosts.all
    hosts.lab.slow("nas", rate="4mbit")
    try:
        folder = tmp_path / "photos"
        folder.mkdir()
        for number in range(60):
            (folder / f"{number}").write_bytes(b"x" * 100_000)
        source = (
            "def main(ctx, folder):\n"
            "    ctx.state.setdefault('sizes', [])\n"
            "    for path in ctx.steps('files', ctx.path(folder).glob('*')):\n"
            "        ctx.state.sizes.append(len(path.read_bytes()))\n"
            "    return sum(ctx.state.sizes)\n"
        )
        assert laptop.spawn(source, f"nas:{folder}", name="index") == "laptop"
        assert laptop.result("index", 30.0) == 6_000_000
        [move] = laptop.call("explain", name="index")["moves"]
        assert (move["source"], move["target"]) == ("laptop", "nas")
    finally:
        hosts.lab.heal()


def test_a_lost_host_is_noticed_within_five_seconds_and_comes_back(hosts: Hosts) -> None:
    laptop, desk, nas = hosts.all
    nas.spawn(COUNTER, 10, name="there")
    assert laptop.ask("there", "one") == 1
    hosts.lab.unplug("nas")
    cut = time.monotonic()

    def down() -> bool:
        peers = laptop.call("status")["peers"]
        return any(peer["host"] == "nas" and peer["state"] == "down" for peer in peers)

    wait_for(down, 8.0)
    assert time.monotonic() - cut < 5.0
    with pytest.raises(GatewayError, match="nas cannot be asked"):
        desk.tell("there", "never written to before")
    laptop.tell("there", "two")
    hosts.lab.plug("nas")
    hosts.wait_met()
    wait_for(lambda: desk.ask("there", "more") > 3, what="what was written meanwhile has come")
    desk.call("stop", name="there", kill=True)
