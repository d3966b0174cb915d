"""Ours: the 99th percentile (µs) of asks to a real node from another, beside a worker of it.

The worker computes only while a `busy` sample is taken, so that it slows nobody else's down.
`serve` is the node that is asked, its argument the port where it listens.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.nodes import network, spawn, until
from benchmarks.program import PAYLOAD, helper, python_helper, serve
from simulacra.actors.node import Node
from simulacra.actors.runtime import Actor
from simulacra.actors.settings import Settings
from simulacra.client import Client

_SCRIPT = Path(__file__).with_name("burner.py")
_SETTLE = 0.2  # seconds until a computation has seen the flag


class Echo(Actor):
    """Answers with what it was sent."""

    def on_receive(self, message: Any) -> Any:
        """Returns the message."""
        return message


def host(listen: str) -> None:
    """Runs the node that is asked until standard input ends."""
    with Node(Settings.load({"name": "host", "listen": listen})) as node:
        node.system.spawn(Echo, name="echo")
        print("up", flush=True)
        sys.stdin.read()


def p99(node: Node, count: int) -> float:
    """Returns the 99th percentile of `count` asks in µs."""
    echo, took = node.system.ref("echo@host"), []
    for _ in range(count):
        started = time.perf_counter()
        echo.ask(PAYLOAD)
        took.append(time.perf_counter() - started)
    return quantiles(took, n=100)[98] * 1e6


def client(mode: str, node: Node, flag: Path) -> None:
    """Serves samples, the `busy` ones with the worker at work."""

    def sample(count: int) -> float:
        if mode == "busy":
            flag.touch()
        time.sleep(_SETTLE)
        try:
            return p99(node, count)
        finally:
            flag.unlink(missing_ok=True)

    serve(sample)


def main(mode: str) -> None:
    """Runs the asking node, with the asked one beside it."""
    with network("host", "client") as (there, here), tempfile.TemporaryDirectory() as folder:
        command = python_helper("benchmarks.programs.ours_beside_worker", "serve", there.listen)
        flag = Path(folder) / "flag"
        with helper(*command), Node(here) as node:
            until(lambda: node.neighbours.connected() == ["host"])
            spawn(Client(there.paths.socket("host")), "burner", _SCRIPT, str(flag), on="host")
            client(mode, node, flag)


if __name__ == "__main__":
    host(sys.argv[2]) if sys.argv[1] == "serve" else main(sys.argv[1])
