"""Add up what others send, and answer who asks: simulacra send totals '["add", "apples", 3]'.

A message is in the state before the next `receive`, which is a safe point: it does not come again.
"""

from simulacra.actors.compute.context import Context


def main(ctx: Context) -> dict[str, int]:
    """Totals by name, once somebody sends ``["end"]``."""
    totals: dict[str, int] = ctx.state.setdefault("totals", {})
    while True:
        message = ctx.receive()
        if message is None:
            continue
        match message.body:
            case ["add", str(name), int(amount)]:
                totals[name] = totals.get(name, 0) + amount
            case ["total", str(name)]:
                message.reply(totals.get(name, 0))
            case ["end"]:
                return totals
            case other:
                ctx.log.warning("not understood: %r", other)
