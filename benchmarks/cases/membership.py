"""Membership, simulated: how soon a loss is known, and what it costs while nothing happens."""

from benchmarks.case import Better, Case, ours

LOSS = Case(
    area="cluster",
    name="a loss is known to all 50 hosts: p99",
    unit="s",
    better=Better.LOWER,
    ours=ours("membership loss", 50),
    target=5.0,
    rounds=1,
)

REST = Case(
    area="cluster",
    name="1,000 hosts at rest: sent by each",
    unit="B/s",
    better=Better.LOWER,
    ours=ours("membership rest", 1000),
    target=2000.0,
    rounds=1,
)
"""With the connections' own signs of life."""
