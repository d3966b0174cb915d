"""``conflicts``: what hosts have changed apart in trees, and how that is settled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from cyclopts import App

from simulacra.actors.units import show_age, show_size
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, client
from simulacra.cli.tree_files import path, typed
from simulacra.client import Client

app = App(name="conflicts")

_SHORT = 10


@app.default
def list_(
    tree: str | None = None,
    /,
    *,
    all: bool = False,  # noqa: A002 - what is typed
    common: Common = COMMON,
) -> None:
    """Show what hosts have changed apart and nobody has settled yet, the same on every host.

    Every side is kept in the tree, under the name that is shown. Files that are deleted, renamed or
    edited there settle a conflict as well.

    For example:

    - `simulacra conflicts`
    - `simulacra conflicts src`
    - `simulacra conflicts src --all`
    - `simulacra conflicts resolve src:notes.txt --take both`

    Args:
        tree: Only this tree's.
        all: Also where a tree has more than 1,000.
        common: Options of all commands.
    """
    gateway = client(common)
    found = gateway.item("conflicts", tree=tree, timeout=60.0)
    for name in list(found.get("more", {})) if all else ():
        _read_on(gateway, name, found)
    if common.json:
        output.document(found)
    else:
        rows = (row for conflict in found["conflicts"] for row in _rows(conflict))
        output.table(("conflict", "kind", "side of", "changed", "size", "kept as"), rows)
        _show_branches(found.get("branches", []))  # A node of the version before says none.
    for name, count in found.get("more", {}).items():
        output.message(f"{name} has {count} more: simulacra conflicts {name} --all")
    for name, why in found["unknown"].items():
        output.message(f"the conflicts of {name} are not known: {why}")


@app.command
def resolve(file: str, /, *, take: str, common: Common = COMMON) -> None:
    """Settle a conflict, from any host; all hosts follow.

    What is taken replaces the sides that are listed now. If one of them has changed meanwhile,
    nothing is done.

    For example:

    - `simulacra conflicts resolve src:notes.txt --take laptop`
    - `simulacra conflicts resolve ./notes.txt --take main`
    - `simulacra conflicts resolve ./notes.txt --take both`
    - `simulacra conflicts resolve ./notes.txt --take /tmp/merged.txt`

    Args:
        file: What is in conflict, as TREE:PATH, or a path in the folder of a tree.
        take: A host, for its side; `main`, for that of the main store; `both`, for files of their
            own; or a file, whose content is to be in place of all sides.
        common: Options of all commands.
    """
    done = client(common).item("conflict_settle", take=path(take), timeout=60.0, **typed(file))
    if common.json:
        output.document(done)
    else:
        output.message(f"{done['tree']}:{done['path']} is settled: {done['taken']}")


def _read_on(gateway: Client, tree: str, found: dict[str, Any]) -> None:
    """Have the rest of a tree's conflicts as well; those that are settled meanwhile change it."""
    seen = {each["path"] for each in found["conflicts"] if each["tree"] == tree}
    skip = len(seen)
    while found["more"].pop(tree, 0):
        page = gateway.item("conflicts", tree=tree, skip=skip, timeout=60.0)
        new = [each for each in page["conflicts"] if each["path"] not in seen]
        found["conflicts"] += new
        found["more"] |= page["more"] if new else {}
        seen.update(each["path"] for each in new)
        skip += len(page["conflicts"])


def _show_branches(branches: list[dict[str, Any]]) -> None:
    if not branches:
        return
    rows = (
        (
            f"{each['tree']}:{each['path']}",
            f"{each['kind']} {each['name']}",
            side["host"],
            f"{show_age(time.time() - side['time'])} ago" if side["time"] else "-",
            side["commit"][:_SHORT],
            side["subject"],
        )
        for each in branches
        for side in each["sides"]
    )
    output.table(("repository", "kind", "side of", "committed", "commit", "subject"), rows)
    for each in branches:
        output.message(f"in {each['tree']}:{each['path']}: {each['settle']}")


def _rows(conflict: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    where = f"{conflict['tree']}:{conflict['path']}"
    for side in conflict["sides"]:
        changed = f"{show_age(time.time() - side['time'])} ago"
        size = show_size(side["size"]) if side["kind"] == "file" else side["kind"]
        yield where, conflict["kind"], side["host"], changed, size, side["name"]
