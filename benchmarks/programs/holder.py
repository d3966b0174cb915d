"""A computation that holds so many bytes, and tells when it last stood and began to run again."""

import time

from simulacra.actors.compute.context import Context

_BEAT = 0.001


def main(ctx: Context, size: int) -> None:
    """Beats until it is stopped; any message is answered with (host, stood, ran) in seconds.

    The clock is the machine's monotonic one, the same in all its processes.
    """
    ran = time.monotonic()
    stood = ctx.state.get("beat", ran)
    held = ctx.state.setdefault("held", b"\x5a" * size)
    while True:
        ctx.state.beat = time.monotonic()
        message = ctx.receive(_BEAT)
        if message is not None:
            message.reply([ctx.host, len(held), stood, ran])
