"""``explain``: why a computation is where it is, or why it waits, with the costs of each host."""

from __future__ import annotations

from typing import Any

from simulacra.actors.units import show_age, show_seconds, show_size
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, client


def explain(name: str, /, *, common: Common = COMMON) -> None:
    """Show why a computation is where it is: each host with what it would cost there.

    For example:

    - `simulacra explain count`

    Args:
        name: The computation.
        common: Options of all commands.
    """
    found = client(common).item("explain", name=name)
    if common.json:
        output.document(found)
        return
    waits = f", waits for {found['waits_for']}" if found["waits_for"] else ""
    output.data(f"{found['name']}: {found['state']} on {found['host'] or 'no host'}{waits}")
    output.data(found["why"])
    for title, headings, rows in _tables(found):
        if rows:
            output.data(f"\n{title}")
            output.table(headings, rows)


def _tables(
    found: dict[str, Any],
) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    return [
        (
            "reads",
            ("at", "as", "size", "trips", "seen"),
            [_read(item) for item in found["reads"]],
        ),
        (
            "alternatives, cheapest first",
            ("host", "sum", "data", "trips", "work", "moving", "remark"),
            [_alternative(item) for item in found["alternatives"]],
        ),
        (
            "the chain's stages, one host each",
            ("places", "sum", "remark"),
            [
                (" ".join(item["places"]), show_seconds(item["seconds"]), _best(item))
                for item in found["chain"]
            ],
        ),
        (
            "moves so far",
            ("when", "from", "to", "why"),
            [
                (f"{show_age(item['ago'])} ago", item["source"], item["target"], item["why"])
                for item in found["moves"]
            ],
        ),
    ]


def _read(item: dict[str, Any]) -> tuple[str, ...]:
    return (
        item["at"],
        item["name"] or "-",
        show_size(item["size"]),
        str(item["trips"]),
        f"{show_age(item['seen'])} ago",
    )


def _alternative(item: dict[str, Any]) -> tuple[str, ...]:
    remark = item["refused"] or ", ".join(
        filter(None, ("here" if item["here"] else "", _best(item)))
    )
    costs = (show_seconds(item[key]) for key in ("seconds", "data", "trips", "work", "move"))
    return (item["host"], *costs, remark)


def _best(item: dict[str, Any]) -> str:
    return "best" if item["best"] else ""
