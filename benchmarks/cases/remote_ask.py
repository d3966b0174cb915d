"""An ask of 100 bytes to another process over loopback, and its answer."""

from benchmarks import peers
from benchmarks.case import Against, Better, Case, ours

CASE = Case(
    area="runtime",
    name="remote ask, 100 bytes",
    unit="µs",
    better=Better.LOWER,
    ours=ours("ours_remote ask", 1000),
    peers=(
        Against(peers.pyzmq("plain"), 1.3),
        # Ours is encrypted: this is what encryption alone costs, for the reader.
        Against(peers.pyzmq("curve")),
        Against(peers.xoscar("ask", 500), 0.6),
        Against(peers.thespian("ask", 200)),
        Against(peers.erlang("ask", 3000), 3.0),
    ),
)
