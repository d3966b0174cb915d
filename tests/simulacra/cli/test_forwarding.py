from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from simulacra.actors.gateway.call import Call, Input
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli.exits import ExitCode

from .conftest import DEADLINE, Run, Serve


def shout(call: Call) -> Iterator[object]:
    """Stand for a service at the far port that answers in capitals."""
    assert call.arg("port", int) == 8888
    yield {"connected": "nas"}
    while isinstance(event := call.receive(DEADLINE), Input) and event.data is not None:
        yield {"data": event.data.upper()}


def ask(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(1 << 16):
            answer += data
    return answer


def test_connections_are_carried_both_ways(environ: dict[str, str], serve: Serve) -> None:
    serve({"ps": lambda _: [{"time": 1.0, "rows": []}], "forward": shout})
    command = [sys.executable, "-m", "simulacra", "forward", "web", "8888", "--local", "0"]
    with subprocess.Popen(
        [*command, "--json"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["local"]
        big = b"x" * 300_000
        assert ask(port, b"hello") == b"HELLO"
        assert ask(port, big) == big.upper()
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == ExitCode.INTERRUPTED


def test_a_port_that_is_taken(run: Run, serve: Serve) -> None:
    serve({"ps": lambda _: [{"time": 1.0, "rows": []}]})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run("forward", "web", str(taken.getsockname()[1]))
    assert ended.code == ExitCode.FAILED
    assert "--local 0" in ended.stderr


@pytest.mark.parametrize("ports", [("99999",), ("0",), ("80", "--local", "99999"), ("ssh",)])
def test_a_port_that_is_none(run: Run, serve: Serve, ports: tuple[str, ...]) -> None:
    serve({"ps": lambda _: [{"time": 1.0, "rows": []}]})
    ended = run("forward", "web", *ports)
    assert ended.code == ExitCode.USAGE
    assert "is no number from" in ended.stderr
    assert "simulacra forward --help" in ended.stderr


def test_a_computation_that_is_not_there(run: Run, serve: Serve) -> None:
    def ps(call: Call) -> Iterator[object]:
        raise GatewayError(ErrorCode.NOT_FOUND, f"there is no {call.arg('name', str)}")
        yield

    serve({"ps": ps})
    assert run("forward", "web", "80", "--local", "0").code == ExitCode.NOT_FOUND
