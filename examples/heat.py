"""Heat in a plate, by relaxation: a loop inside a loop, both with their place kept.

What stands above the inner loop runs again when the computation goes on inside it, with the state
as it was there. So it asks whether it was done already, and counting stands below.
"""

from simulacra.actors.compute.context import Context

SWEEPS = 60


def main(ctx: Context, size: int = 8, tolerance: float = 0.01) -> list[list[float]]:
    """Temperatures of a plate that is hot along one side."""
    if "plate" not in ctx.state:
        ctx.state.plate = [[1.0] * size] + [[0.0] * size for _ in range(size - 1)]
        ctx.state.sweeps = 0
    plate: list[list[float]] = ctx.state.plate
    for sweep in ctx.steps("sweeps", range(SWEEPS)):
        if ctx.state.get("begun") != sweep:
            ctx.state.begun = sweep
            ctx.state.change = 0.0
        for row in ctx.steps("rows", range(1, size - 1)):
            ctx.state.change = max(ctx.state.change, relax(plate, row))
        ctx.state.sweeps += 1
        if ctx.state.change < tolerance:
            break
    return plate


def relax(plate: list[list[float]], row: int) -> float:
    """One row, each point to the mean of its neighbours; the largest change."""
    largest = 0.0
    for column in range(1, len(plate) - 1):
        around = plate[row - 1][column] + plate[row + 1][column]
        new = (around + plate[row][column - 1] + plate[row][column + 1]) / 4
        largest = max(largest, abs(new - plate[row][column]))
        plate[row][column] = new
    return largest
