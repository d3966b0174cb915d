"""Running totals from a CSV file, appended to a report: how to append without repeating.

Appending is not safe to repeat. So the state keeps how long the report was at the last safe point,
and each body first cuts it back to that.
"""

import csv
from pathlib import Path

from simulacra.actors.compute.context import Context

ROWS = 4


def main(ctx: Context, sales: str, report: str) -> dict[str, int]:
    """Totals by shop."""
    totals: dict[str, int] = ctx.state.setdefault("totals", {})
    with ctx.open(sales, newline="") as file:
        rows = list(csv.reader(file))
    for first in ctx.steps("rows", range(0, len(rows), ROWS)):
        with Path(report).open("a") as out:
            out.truncate(ctx.state.get("written", 0))
            for shop, amount in rows[first : first + ROWS]:
                totals[shop] = totals.get(shop, 0) + int(amount)
                out.write(f"{shop} {totals[shop]}\n")
            ctx.state.written = out.tell()
    return totals
