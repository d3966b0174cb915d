"""Shows the figures as a table, and keeps them in build/bench.json beside other areas'."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure

_VERDICT = {True: "[green]holds", False: "[red]short", None: "-"}


def show(figures: Sequence[Figure], machine: str, console: Console) -> None:
    """Prints the table, what it was measured on, and every note in full."""
    table = Table(caption=machine, caption_justify="left")
    for heading in ("area", "figure"):
        table.add_column(heading)
    table.add_column("ours", justify="right")
    table.add_column("peer")
    for heading in ("its figure", "ratio", "target"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    notes: list[str] = []
    for figure in figures:
        table.add_row(*_cells(figure, notes))
    console.print(table)
    for number, note in enumerate(notes, 1):
        console.print(f"[{number}] {note}", markup=False, highlight=False)


def merge(path: Path, figures: Sequence[Figure], areas: Collection[str]) -> None:
    """Writes `figures` to the file in place of all that it holds of `areas`.

    Args:
        path: of the JSON list; made, with its folder, where absent.
        figures: the rows just measured.
        areas: the areas that were measured in full; the others' rows stay.

    Raises:
        ValueError: when the file is there and holds no JSON list of figures; it is left alone.
    """
    kept = [row for row in _read(path) if row["area"] not in areas]
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    rows = [*kept, *map(_row, figures)]
    scratch.write_text(json.dumps(rows, indent=1) + "\n")
    scratch.replace(path)


def _row(figure: Figure) -> dict[str, Any]:
    row = asdict(figure)
    del row["note"]  # the table's alone
    return row


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text())
        if isinstance(rows, list) and all("area" in row for row in rows):
            return rows
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{path} is not a list of figures; remove it and run `make bench` again")


def _cells(figure: Figure, notes: list[str]) -> list[str]:
    verdict = _VERDICT[figure.holds]
    if figure.note:
        if figure.note not in notes:
            notes.append(figure.note)
        verdict = f"{verdict} \\[{notes.index(figure.note) + 1}]"
    return [
        figure.area,
        figure.name,
        _quantity(figure.ours, figure.unit),
        figure.peer or "-",
        _quantity(figure.peer_value, figure.unit) if figure.peer else "",
        "-" if figure.ratio is None else f"{figure.ratio:.2f}",
        _target(figure),
        verdict,
    ]


def _target(figure: Figure) -> str:
    if figure.target is None:
        return "-"
    sign = "<=" if figure.better == "lower" else ">="
    unit = "" if figure.peer else f" {figure.unit}"
    return f"{sign} {_bound(figure.target)}{unit}"


def _bound(target: float) -> str:
    return f"{target:g}" if target == round(target, 2) else f"{target:.2f}"


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"
