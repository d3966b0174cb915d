"""Tells of 100 bytes to another process over loopback, one way, counted at the receiver."""

from benchmarks import peers
from benchmarks.case import Against, Better, Case, ours

CASE = Case(
    area="runtime",
    name="remote tell, one way",
    unit="/s",
    better=Better.HIGHER,
    ours=ours("ours_remote tell", 50_000),
    peers=(
        Against(peers.erlang("tell", 50_000), 1.0),
        Against(peers.xoscar("tell", 3000), 10.0),
        Against(peers.thespian("tell", 500), 10.0),
    ),
)
