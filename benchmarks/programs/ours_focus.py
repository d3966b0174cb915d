"""Ours: the master of three real nodes, `moved` on purpose or `lost` (seconds).

`moved`: the amount is how often it moves, while requests go to it one after another; the sample is
the longest that one of them took. `lost`: the node of the master is killed with SIGKILL; the sample
is the time until the two others have the same other master. The node is then started again.
"""

import os
import signal
import sys
import threading
import time
from itertools import cycle

from benchmarks.nodes import network, until, up
from benchmarks.program import serve
from simulacra.actors.compute.spec import Command, Spec
from simulacra.actors.settings import Settings
from simulacra.client import Client
from simulacra.launch import launch

_NEEDS = {"needs": ["hosts>=99"]}
_SPEC = Spec(Command(("true",))).to_plain()


def master(client: Client) -> tuple[int, str]:
    counter, host = client.item("focus")["epoch"]
    return int(counter), str(host)


def moved(clients: dict[str, Client]) -> None:
    """Serves samples of so many moves each."""
    asker, targets = clients["a"], cycle(clients)

    def sample(amount: int) -> float:
        over, took = threading.Event(), list[float]()

        def ask() -> None:
            while not over.is_set():
                began = time.monotonic()
                asker.item("service_set", name="idle", told=_NEEDS, spec=_SPEC, timeout=30.0)
                took.append(time.monotonic() - began)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            for _ in range(amount):
                clients["b"].item("refocus", host=next(targets), timeout=20.0)
        finally:
            over.set()
            thread.join()
        return max(took)

    serve(sample)


def lost(clients: dict[str, Client], nodes: dict[str, Settings]) -> None:
    """Serves samples of one loss each."""

    def sample(_: int) -> float:
        _, host = master(clients["a"])
        rest = [client for name, client in clients.items() if name != host]
        pid = clients[host].item("status")["pid"]
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        until(lambda: len({master(each) for each in rest}) == 1 and not _is(rest[0], host))
        took = time.monotonic() - began
        launch(nodes[host])
        until(lambda: len({master(each) for each in clients.values()}) == 1)
        return took

    serve(sample)


def _is(client: Client, host: str) -> bool:
    return master(client)[1] == host


def settle(clients: dict[str, Client]) -> None:
    """Waits until all have one master."""
    until(lambda: len({master(each) for each in clients.values()}) == 1 and master(clients["a"])[0])


if __name__ == "__main__":
    with network("a", "b", "c") as settings, up(*settings) as connected:
        named = dict(zip("abc", connected, strict=True))
        settle(named)
        if sys.argv[1] == "moved":
            moved(named)
        else:
            lost(named, {node.name: node for node in settings})
