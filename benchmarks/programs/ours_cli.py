"""Ours: the command line. `ps`: its CPU time (ms); `up`: the time until a node answers (s)."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.nodes import network, spawn, up
from benchmarks.program import serve
from simulacra.actors.settings import Settings
from simulacra.client import Client

_SECONDS = 30
_COMPUTATIONS = 5
_SCRIPT = Path(__file__).with_name("holder.py")


def run(*words: str, node: str) -> None:
    """Runs `simulacra` with the words."""
    environment = {**os.environ, "SIMULACRA_NAME": node}
    command = [sys.executable, "-m", "simulacra", *words]
    subprocess.run(
        command, env=environment, stdout=subprocess.DEVNULL, timeout=_SECONDS, check=True
    )


def processor_seconds() -> float:
    """Returns what the processes that were waited for have used, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ps(node: Settings, client: Client) -> None:
    """Serves samples of `ps` on a node with some computations."""
    for number in range(_COMPUTATIONS):
        spawn(client, f"idle-{number}", _SCRIPT, 1)

    def sample(count: int) -> float:
        before = processor_seconds()
        for _ in range(count):
            run("ps", node=node.name)
        return (processor_seconds() - before) / count * 1e3

    serve(sample)


def start(node: Settings) -> None:
    """Serves samples of `up --detach`, which returns when the node answers."""

    def sample(_: int) -> float:
        started = time.perf_counter()
        run("up", "--detach", node=node.name)
        took = time.perf_counter() - started
        run("down", node=node.name)
        return took

    serve(sample)


if __name__ == "__main__":
    with network("a") as nodes:
        if sys.argv[1] == "ps":
            with up(*nodes) as (client,):
                ps(nodes[0], client)
        else:
            start(nodes[0])
