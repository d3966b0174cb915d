"""10,000 actors in one node: what they take in memory, and how long they take to start."""

from benchmarks import peers
from benchmarks.case import Against, Better, Case, ours

_ACTORS = 10_000

MEMORY = Case(
    area="runtime",
    name="10,000 actors: memory",
    unit="MiB",
    better=Better.LOWER,
    ours=ours("many_actors simulacra memory", _ACTORS),
    peers=(Against(peers.many_pykka("memory", _ACTORS)),),
    rounds=3,
)

START = Case(
    area="runtime",
    name="10,000 actors: start",
    unit="s",
    better=Better.LOWER,
    ours=ours("many_actors simulacra start", _ACTORS),
    peers=(Against(peers.many_pykka("start", _ACTORS)),),
    rounds=3,
)
