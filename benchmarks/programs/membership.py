"""Ours: membership on a simulated network of as many hosts as the amount says.

`loss` gives the seconds within which 99 of 100 losses were known to all, `rest` the bytes that the
mean host sends a second while nothing happens, the connections' own signs of life included.
"""

import sys

from benchmarks.membership import Simulation, losses, percentile
from benchmarks.program import serve

_RUNS = 4


def loss(hosts: int) -> float:
    """Crashes hosts; returns how long it took until the others knew, p99."""
    _, everybody = losses(hosts, _RUNS)
    return percentile(everybody, 0.99)


def rest(hosts: int) -> float:
    """Lets time pass; returns bytes a second."""
    simulation = Simulation(hosts)
    return simulation.bytes_at_rest()[0] + simulation.signs_of_life()


if __name__ == "__main__":
    serve({"loss": loss, "rest": rest}[sys.argv[1]])
