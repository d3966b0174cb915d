"""Starting an actor under a supervisor, against starting a bare one."""

from benchmarks import peers
from benchmarks.case import Against, Better, Case, ours

CASE = Case(
    area="runtime",
    name="start of a supervised actor",
    unit="µs",
    better=Better.LOWER,
    ours=ours("ours_supervised", 500),
    peers=(Against(peers.pykka("start", 500), 1.3),),
)
