"""Ours: starting an actor under a supervisor (µs each), not counting its stop."""

import time

from benchmarks.program import serve
from simulacra.actors.runtime import Actor, ActorSystem
from simulacra.actors.runtime.childspec import ChildSpec, Flags
from simulacra.actors.runtime.supervision import SupervisorHandle
from simulacra.actors.runtime.supervisor import Supervisor


def start(tree: SupervisorHandle, count: int) -> float:
    """Starts `count` children; returns µs for each."""
    specs = [ChildSpec(number, Actor) for number in range(count)]
    started = time.perf_counter()
    for spec in specs:
        tree.start_child(spec)
    took = time.perf_counter() - started
    for spec in specs:
        tree.terminate_child(spec.id)
        tree.delete_child(spec.id)
    return took / count * 1e6


if __name__ == "__main__":
    with ActorSystem("benchmark") as system:
        tree = SupervisorHandle(system.spawn(Supervisor, Flags(), []))
        serve(lambda count: start(tree, count))
