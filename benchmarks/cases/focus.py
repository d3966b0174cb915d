"""The focus of three nodes of this machine: handed over on purpose, and found anew after a loss."""

from benchmarks.case import Better, Case, ours

MOVED = Case(
    area="cluster",
    name="pause of requests in a planned refocus",
    unit="s",
    better=Better.LOWER,
    ours=ours("ours_focus moved"),
    target=0.5,
    rounds=200,
    tail=True,
)

LOST = Case(
    area="cluster",
    name="loss of the master to a new one",
    unit="s",
    better=Better.LOWER,
    ours=ours("ours_focus lost"),
    target=10.0,
    rounds=30,
    tail=True,
)
