"""Messages of 2 GB: refused where they are made, while nodes stay as small as they are.

Memory of the size is asked for and never touched, so that the kernel gives none.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from simulacra.actors.compute.values import CannotPackError
from simulacra.actors.gateway.frames import GatewayError, pack
from tests.onehost import Host, one_host

HUGE = 2 * 2**30
GROWTH = 64 * 2**20

WRITES = """
def main(ctx, how):
    message = bytes(2 << 30)
    try:
        if how == "tell":
            ctx.send("hold", message)
        elif how == "ask":
            ctx.ask("hold", {"data": message})
        else:
            return message
    except TypeError as error:
        return str(error)
"""
HOLDS = "def main(ctx):\n    while True:\n        ctx.receive()\n"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with one_host(tmp_path) as host:
        host.script(HOLDS, name="hold")
        before = psutil.Process().memory_info().rss
        yield host
        assert psutil.Process().memory_info().rss < before + GROWTH
        assert host.row("hold")["state"] == "running"
        assert host.row("hold")["mailbox"] == 0


@pytest.mark.parametrize("message", [bytes(HUGE), ["x", bytes(HUGE)]], ids=["bytes", "list"])
def test_a_program_is_told_before_it_sends(host: Host, message: object) -> None:
    hold = host.network.computation("hold")
    for write in (hold.tell, hold.ask):
        with pytest.raises(CannotPackError, match="over the limit of 67108864: put it in a file"):
            write(message)


def test_what_a_client_packs_itself_is_refused_by_the_gateway(host: Host) -> None:
    with pytest.raises(GatewayError, match="over the gateway's limit of 67108864 bytes"):
        host.client.item("send", name="hold", body=bytes(HUGE))


def test_a_frame_that_says_that_it_is_so_large_ends_its_connection(host: Host) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(host.client.path))
        client.settimeout(60)
        client.recv(1 << 16)
        client.sendall(struct.pack(">I", HUGE) + pack({"id": "x"}))
        assert client.recv(1 << 16) == b""


@pytest.mark.parametrize("how", ["tell", "ask"])
def test_a_computation_is_told_where_it_sends(host: Host, how: str) -> None:
    said = host.script(WRITES, args=(how,)).result(30)
    assert said == (
        "the message has 2147483648 bytes, over the limit of 67108864: "
        "put it in a file and pass the file's name as host:path"
    )


def test_a_result_of_that_size_is_a_failure_that_says_so(host: Host) -> None:
    host.script(WRITES, args=("return",), name="returns", restart="temporary")
    ended = host.result("returns", timeout=30)
    assert ended["state"] == "failed"
    assert "the result has 2147483648 bytes, over the limit" in ended["reason"]["text"]
