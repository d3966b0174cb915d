"""The 99th percentile of remote asks to a node, with and without a CPU-bound computation there."""

from benchmarks.case import Against, Better, Case, ours, python

_ASKS = 2000

CASE = Case(
    area="runtime",
    name="remote ask p99 beside a busy worker",
    unit="µs",
    better=Better.LOWER,
    ours=ours("ours_beside_worker busy", _ASKS),
    peers=(Against(python("no worker", "ours_beside_worker idle", _ASKS), 2.0),),
)
