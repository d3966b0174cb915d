"""Ours: many actors in one node; `memory` (MiB that they add) or `start` (seconds to start them).

Each sample has a process of its own: memory that an earlier one gave back would be used again.
"""

import subprocess
import sys
import time

import psutil

from benchmarks.program import python_helper, serve
from simulacra.actors.runtime.actor import Actor
from simulacra.actors.runtime.system import ActorSystem

_SECONDS = 100


def once(mode: str, count: int) -> float:
    """Starts `count` actors in this process; returns what `mode` asks for."""
    process = psutil.Process()
    with ActorSystem("benchmark") as system:
        before, started = process.memory_info().rss, time.perf_counter()
        for _ in range(count):
            system.spawn(Actor)
        took, after = time.perf_counter() - started, process.memory_info().rss
    return took if mode == "start" else (after - before) / 2**20


def apart(mode: str, count: int) -> float:
    """Takes the sample in a fresh process."""
    command = python_helper("benchmarks.programs.ours_many", mode, str(count))
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=_SECONDS, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(once(sys.argv[1], int(sys.argv[2])))
    else:
        serve(lambda count: apart(sys.argv[1], count))
