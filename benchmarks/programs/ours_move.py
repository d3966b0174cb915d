"""Ours: moving a computation between two real nodes, `whole` or its `pause` alone (ms).

The amount is the bytes of its state. `whole` lasts from the command to the first line of the
computation at its new place, its state whole again; `pause` from its last beat at the old one.
"""

import os
import sys
import time
from itertools import cycle
from pathlib import Path

from benchmarks.nodes import network, spawn, up
from benchmarks.program import serve
from simulacra.client import Client
from simulacra.network import Computation

_NAME = "holder"
_SCRIPT = Path(__file__).with_name("holder.py")


def moves(client: Client, mode: str) -> None:
    """Serves samples, each a move to the other node."""
    holder = Computation(client, _NAME)
    targets, spawned = cycle(("b", "a")), list[str]()

    def sample(amount: int) -> float:
        if not spawned:
            spawn(client, _NAME, _SCRIPT, amount, on="a", checkpoint_every=3600.0)
            spawned.append(_NAME)
        holder.ask("are you there?", timeout=30.0)
        os.sync()  # the disk may still be at work on the files that the last move removed
        target, began = next(targets), time.monotonic()
        holder.migrate(target)
        host, held, stood, ran = holder.ask("where are you?", timeout=30.0)
        if (host, held) != (target, amount):
            raise AssertionError(f"{held} bytes are on {host}, not {amount} on {target}")
        return float(ran - (began if mode == "whole" else stood)) * 1e3

    serve(sample)


if __name__ == "__main__":
    with network("a", "b") as nodes, up(*nodes) as (client, _):
        moves(client, sys.argv[1])
