"""Real nodes for the programs that measure them: homes, keys, and what runs in them."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from benchmarks.program import free_port
from simulacra.actors.compute.spec import Script, Spec
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.settings import Settings
from simulacra.client import Client
from simulacra.launch import launch

_SECONDS = 20.0


@contextmanager
def network(*names: str) -> Iterator[list[Settings]]:
    """Yields settings for nodes that admit one another, below one home that is removed after."""
    with tempfile.TemporaryDirectory(prefix="simulacra-bench-") as home:
        os.environ["SIMULACRA_HOME"] = home
        nodes = [
            Settings.load({"name": name, "listen": f"127.0.0.1:{free_port()}"}) for name in names
        ]
        members = nodes[0].paths.members
        members.parent.mkdir(parents=True)
        pairs = [KeyPair.load_or_make(node.paths.key(node.name)) for node in nodes]
        members.write_text(
            "".join(
                f"{node.name} {pair.public} {node.listen}\n"
                for node, pair in zip(nodes, pairs, strict=True)
            )
        )
        yield nodes


@contextmanager
def up(*nodes: Settings) -> Iterator[list[Client]]:
    """Runs each node as `simulacra up --detach` does, until all are connected to all."""
    with ExitStack() as stack:
        clients = [stack.enter_context(running(node)) for node in nodes]
        for client in clients:
            until(lambda client=client: _connected(client) == len(nodes) - 1)  # type: ignore[misc]
        yield clients


@contextmanager
def running(node: Settings) -> Iterator[Client]:
    """Runs one node."""
    pid = launch(node)["pid"]
    client = Client(node.paths.socket(node.name))
    try:
        yield client
    finally:
        client.item("down")
        if psutil.pid_exists(pid):
            psutil.Process(pid).wait(_SECONDS)


def _connected(client: Client) -> int:
    return sum(peer["state"] == "up" for peer in client.item("status")["peers"])


def spawn(client: Client, name: str, script: Path, *args: object, **options: object) -> None:
    """Starts a script as a computation."""
    spec = Spec(Script.read(str(script)), name=name, args=args, **options)  # type: ignore[arg-type]
    client.item("spawn", spec=spec.to_plain(), cwd=str(Path.cwd()))


def until(condition: Callable[[], object]) -> None:
    """Waits until something holds.

    Raises:
        TimeoutError: it does not come to hold.
    """
    deadline = time.monotonic() + _SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the nodes did not come to where the measurement begins")
        time.sleep(0.01)
