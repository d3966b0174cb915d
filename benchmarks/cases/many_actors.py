"""10,000 actors in one node: what they take in memory, and how long they take to start."""

from benchmarks.case import Better, Case, ours

_ACTORS = 10_000

MEMORY = Case(
    area="runtime",
    name="10,000 actors: memory",
    unit="MiB",
    better=Better.LOWER,
    ours=ours("ours_many memory", _ACTORS),
    rounds=3,
)

START = Case(
    area="runtime",
    name="10,000 actors: start",
    unit="s",
    better=Better.LOWER,
    ours=ours("ours_many start", _ACTORS),
    rounds=3,
)
