"""``ps``: the computations, as a tree under the hosts that run them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from simulacra.actors.units import show_age, show_seconds, show_size
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, Period, client

_HEADINGS = (
    "name", "state", "host", "pid", "age", "restarts", "mailbox", "cpu", "memory", "seen", "why"
)  # fmt: skip
_CLEAR = "\x1b[H\x1b[2J"


def ps(
    name: str | None = None,
    /,
    *,
    all_: Annotated[bool, Parameter(name=["--all", "-a"])] = False,
    finished: bool = False,
    watch: Annotated[bool, Parameter(alias="-w")] = False,
    every: Period = 2.0,
    common: Common = COMMON,
) -> None:
    """Show what runs where, with restarts, ages, mailboxes and the first reason of a failure.

    For example:

    - `simulacra ps`
    - `simulacra ps --watch --every 1s`

    Args:
        name: Only this computation or host, and what is below it.
        all_: The nodes' own actors too.
        finished: Computations that have ended too.
        watch: Show it again and again.
        every: How often.
        common: Options of all commands.
    """
    pictures = client(common).items(
        "ps",
        **({"timeout": None, "every": every} if watch else {}),
        name=name,
        all=all_,
        finished=finished,
    )
    for picture in pictures:
        if common.json:
            output.document(picture)
            continue
        if watch and output.is_colourful():
            output.raw(_CLEAR.encode())
        output.table(_HEADINGS, _lines(picture["rows"]))


def _lines(rows: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    children: dict[str | None, list[dict[str, Any]]] = {}
    known = {row["id"] for row in rows}
    for row in rows:
        children.setdefault(row["parent"] if row["parent"] in known else None, []).append(row)

    def walk(parent: str | None, indent: str) -> Iterator[tuple[str, ...]]:
        below = children.get(parent, [])
        for row in below:
            last = row is below[-1]
            branch = "" if parent is None else "└─ " if last else "├─ "
            yield _line(row, indent + branch)
            deeper = "" if parent is None else "   " if last else "│  "
            yield from walk(row["id"], indent + deeper)

    return walk(None, "")


def _line(row: dict[str, Any], branch: str) -> tuple[str, ...]:
    mailbox = "-" if row["mailbox"] is None else str(row["mailbox"])
    if row["bound"] is not None:
        mailbox += f"/{row['bound']}"
    waits = f"waits for {row['waits_for']}" if row["waits_for"] else ""
    failed = row["reason"]["text"] if row["reason"] else ""
    return (
        branch + row["name"],
        row["state"],
        row["host"] or "-",
        str(row["pid"] or "-"),
        show_age(row["age"]),
        str(row["restarts"]),
        mailbox,
        show_seconds(row["cpu"]),
        show_size(row["memory"]),
        f"{show_age(row['seen'])} ago",
        "; ".join(filter(None, (waits, failed))),
    )
