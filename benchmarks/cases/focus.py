"""The focus of three nodes of this machine: handed over on purpose, and found anew after a loss."""

from benchmarks.case import Better, Case, ours

MOVED = Case(
    area="cluster",
    name="20 planned refocuses: longest request",
    unit="s",
    better=Better.LOWER,
    ours=ours("ours_focus moved", 20),
    target=0.5,
    rounds=5,
)

LOST = Case(
    area="cluster",
    name="loss of the master to a new one",
    unit="s",
    better=Better.LOWER,
    ours=ours("ours_focus lost"),
    target=10.0,
    rounds=5,
)
