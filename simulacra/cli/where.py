"""``where``: what a name stands for, the same on every host."""

from __future__ import annotations

from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, client


def where(name: str | None = None, /, *, common: Common = COMMON) -> None:
    """Show what a name stands for, where that is, and how it follows; or all names.

    A name is a host's, a computation's, a service's, a device's or a tree's; NAME@HOST is what has
    it there, HOST:PATH and TREE:PATH are files. Every host gives the same answer.

    For example:

    - `simulacra where`
    - `simulacra where nas`
    - `simulacra where web`
    - `simulacra where nas:/srv/books`

    Args:
        name: The name; all names if left out.
        common: Options of all commands.
    """
    found = client(common).item("where", name=name)
    if common.json:
        output.document(found)
    elif name is None:
        output.table(
            ("name", "kind", "hosts", "renamed"),
            (
                (each["name"], each["kind"], ", ".join(each["hosts"]) or "-", each["renamed"] or "")
                for each in found["names"]
            ),
        )
    else:
        places = ", ".join(
            f"{place['host']}:{place['path']}" if place["path"] else place["host"]
            for place in found["places"]
        )
        output.fields(
            {
                "name": found["name"],
                "kind": found["kind"],
                "host": found["host"] or "nowhere now",
                "address": found["address"] or "-",
                "places": places or "-",
                "why": "; ".join(found["why"]),
            }
        )
