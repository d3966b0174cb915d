"""An ask of 100 bytes to an actor of the same process."""

from benchmarks import peers
from benchmarks.case import Against, Better, Case, ours

CASE = Case(
    area="runtime",
    name="local ask",
    unit="µs",
    better=Better.LOWER,
    ours=ours("ours_local", 3000),
    peers=(Against(peers.pykka("ask", 3000), 1.15),),
)
