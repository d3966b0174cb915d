"""Ours and pykka's: many actors in one process.

`simulacra memory` gives the MiB that they add, `simulacra start` the seconds to start them;
so does `pykka`. Each sample has a process of its own: memory that an earlier one gave back
would be used again.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pykka

from benchmarks.program import python_helper, serve
from simulacra.actors.runtime.actor import Actor
from simulacra.actors.runtime.system import ActorSystem

_SECONDS = 100


class Bare(pykka.ThreadingActor):
    """As little of an actor as pykka allows."""


@contextmanager
def starting(whose: str) -> Iterator[Callable[[], object]]:
    """Yields what starts one actor; all are stopped in the end."""
    if whose == "simulacra":
        with ActorSystem("benchmark") as system:
            yield lambda: system.spawn(Actor)
    else:
        yield Bare.start
        pykka.ActorRegistry.stop_all()


def once(whose: str, mode: str, count: int) -> float:
    """Starts `count` actors in this process; returns what `mode` asks for."""
    process = psutil.Process()
    with starting(whose) as start:
        before, started = process.memory_info().rss, time.perf_counter()
        for _ in range(count):
            start()
        took, after = time.perf_counter() - started, process.memory_info().rss
    return took if mode == "start" else (after - before) / 2**20


def apart(whose: str, mode: str, count: int) -> float:
    """Takes the sample in a fresh process."""
    command = python_helper("benchmarks.programs.many_actors", whose, mode, str(count))
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=_SECONDS, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        print(once(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    else:
        serve(lambda count: apart(sys.argv[1], sys.argv[2], count))
