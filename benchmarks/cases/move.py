"""Moving a computation with 100 MB of state between two nodes of this machine."""

from benchmarks import peers
from benchmarks.case import Against, Better, Case, ours

_BYTES = 100_000_000

MOVE = Case(
    area="runtime",
    name="move with 100 MB of state",
    unit="ms",
    better=Better.LOWER,
    ours=ours("ours_move whole", _BYTES),
    peers=(Against(peers.bare_socket(_BYTES), 1.5),),
)

PAUSE = Case(
    area="runtime",
    name="move with 100 MB of state: pause",
    unit="ms",
    better=Better.LOWER,
    ours=ours("ours_move pause", _BYTES),
)
