"""What nodes do to each other: hosts that are lost and come back, keys expelled, garbage."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.machines import GatewayError, Machine, Machines, wait_for
from tests.support import examples

COUNTER = """
def main(ctx):
    count = ctx.state.setdefault("count", [0])
    while True:
        message = ctx.receive()
        count[0] += 1
        message.reply(count[0])
"""


def state(machine: Machine, other: Machine) -> str:
    peers = machine.call("status")["peers"]
    return next((str(p["state"]) for p in peers if p["host"] == other.name), "unknown")


def test_a_node_that_joins_at_one_meets_all(tmp_path: Path) -> None:
    with Machines(tmp_path, "a", "b", "c", up=False) as machines:
        a, b, c = machines
        a.admit(b, c, addresses=[b])
        b.admit(a, c)
        c.admit(a, b, addresses=[b])
        for machine in machines:
            machine.up()
        machines.wait_met()
        assert a.spawn(COUNTER, name="counter", on="c") == "c"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_host_comes_back_with_its_computations(tmp_path: Path, number: int) -> None:
    with Machines(tmp_path, "a", "b", "c") as machines:
        a, b, c = machines
        c.spawn(COUNTER, name="counter")
        assert a.ask("counter", 1) == 1
        assert a.where("counter") == "c"
        c.signal(number)
        wait_for(lambda: state(a, c) == "down")

        def seen() -> float:
            return float(next(row["seen"] for row in a.rows("counter") if row["host"] == "c"))

        wait_for(lambda: seen() > 1)  # it is shown as it was when it was heard of last
        with pytest.raises(GatewayError, match="c, where counter was, does not answer"):
            a.migrate("counter", "b")
        a.tell("counter", "while it was away")
        if number == signal.SIGKILL:
            c.up()
        else:
            c.signal(signal.SIGCONT)
        machines.wait_met()
        wait_for(lambda: a.where("counter") == "c")
        assert b.ask("counter", 2) >= 1


def test_an_expelled_key_loses_its_connections_and_cannot_send(tmp_path: Path) -> None:
    with Machines(tmp_path, "a", "b") as machines:
        a, b = machines
        a.spawn(COUNTER, name="counter")
        assert b.ask("counter", 1) == 1
        a.admit()
        assert a.call("keys_changed")["expelled"] == ["b"]
        port = urlsplit(f"tcp://{a.address}").port

        def connected() -> list[object]:
            found = psutil.Process(b.pid).net_connections()
            return [c for c in found if c.status == "ESTABLISHED" and c.raddr[1] == port]

        wait_for(lambda: not connected(), what="its connections are closed")
        with pytest.raises(GatewayError):
            b.ask("counter", 2, timeout=1.0)
        assert a.ask("counter", 2) == 2


def test_garbage_on_its_ports_does_not_disturb_a_node(tmp_path: Path) -> None:
    with Machines(tmp_path, "a", "b") as machines:
        a, b = machines
        a.spawn(COUNTER, name="counter")
        listening = [
            c.laddr.port
            for c in psutil.Process(a.pid).net_connections("tcp")
            if c.status == "LISTEN"
        ]
        assert len(listening) >= 2  # mail and bulk
        for number in range(examples(1_000, many=10_000)):
            port = listening[number % len(listening)]
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 2.0) as garbage:
                garbage.send(os.urandom(64))
        assert b.ask("counter", 1) == 1
        assert a.migrate("counter", "b")["target"] == "b"
        assert b.ask("counter", 2) == 2


def test_a_message_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with Machines(tmp_path, "a", "b") as machines:
        a, _ = machines
        a.spawn(COUNTER, name="counter")
        with pytest.raises(GatewayError, match=r"large|limit|MiB|bytes"):
            a.call("send", name="counter", body=bytes(200 << 20), sender="test")
        assert a.ask("counter", 1) == 1
