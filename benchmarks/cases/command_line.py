"""What the command line costs: CPU of `simulacra ps`, and the time until `up` is ready."""

from benchmarks.case import Better, Case, ours

PS = Case(
    area="runtime",
    name="simulacra ps: CPU",
    unit="ms",
    better=Better.LOWER,
    ours=ours("ours_cli ps"),
    target=150.0,
)

UP = Case(
    area="runtime",
    name="simulacra up: ready",
    unit="s",
    better=Better.LOWER,
    ours=ours("ours_cli up"),
    target=1.0,
)
