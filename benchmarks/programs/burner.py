"""A computation that keeps a processor busy for as long as a file is there."""

from pathlib import Path

from simulacra.actors.compute.context import Context

_IDLE = 0.02
_BURST = 200_000


def main(ctx: Context, flag: str) -> None:
    """Burns while the file `flag` is there, until it is stopped."""
    while True:
        if Path(flag).exists():
            sum(range(_BURST))
            ctx.checkpoint()
        else:
            ctx.receive(_IDLE)
