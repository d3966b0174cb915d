"""``tree versions``, ``tree restore`` and ``tree status FILE``: single files of trees."""

from __future__ import annotations

import os
import time
from typing import Any

from simulacra.actors.units import show_age, show_size
from simulacra.cli import output
from simulacra.cli.here import current_folder
from simulacra.cli.options import COMMON, Common, client


def show(file: str, common: Common) -> None:
    """Show how a file stands on each host."""
    found = client(common).item("tree_file", timeout=60.0, **typed(file))
    if common.json:
        output.document(found)
        return
    output.table(("host", "state", "why"), map(_file_copy, found["copies"]))
    for version in found["known"]:
        age = show_age(time.time() - version["time"])
        output.message(f"of {version['host']}, {age} ago, {show_size(version['size'])}")
    if found["conflict"]:
        names = ", ".join(found["conflict"])
        output.message(f"it is in conflict, kept as {names}: simulacra conflicts {found['tree']}")


def versions(file: str, /, *, common: Common = COMMON) -> None:
    """Show what sync replaced or deleted of a file, and which hosts keep it.

    Each host keeps what its own sync displaced, for a while and up to a size: see --keep and
    --keep-for of `simulacra tree follow`.

    For example:

    - `simulacra tree versions src:notes/todo.txt`
    - `simulacra tree versions ./gone.txt`

    Args:
        file: The file, as TREE:PATH, or a path in the folder of a tree; it may be deleted.
        common: Options of all commands.
    """
    found = client(common).item("tree_versions", timeout=60.0, **typed(file))
    if common.json:
        output.document(found)
        return
    output.table(("host", "version", "displaced", "size"), map(_version, found["versions"]))
    for host, why in found["unknown"].items():
        output.message(f"what {host} keeps is not known: {why}")


def restore(
    file: str,
    /,
    *,
    version: int | None = None,
    to: str | None = None,
    on: str | None = None,
    common: Common = COMMON,
) -> None:
    """Put back a version of a file that sync replaced or deleted.

    That is an edit like any other: all hosts get it, and what is there now becomes a version.

    For example:

    - `simulacra tree restore src:notes/todo.txt`
    - `simulacra tree restore ./todo.txt --version 12 --to ./todo.old.txt`

    Args:
        file: The file, as TREE:PATH, or a path in the folder of a tree.
        version: Which, by its number in `simulacra tree versions`; the newest unless said.
        to: Where to, in the same tree; where it was unless said.
        on: The host that keeps it; this one unless said.
        common: Options of all commands.
    """
    there = None if to is None else path(to)
    done = client(common).item(
        "tree_restore", version=version, to=there, on=on, timeout=60.0, **typed(file)
    )
    late = "" if done["exact"] else "; a program wrote to it after it was displaced"
    if common.json:
        output.document(done)
    else:
        output.message(
            f"version {done['number']} of {done['path']} is at {done['tree']}:{done['to']}{late}"
        )


def typed(file: str) -> dict[str, str | bytes]:
    """A file as it was typed, and where, as a node takes it."""
    return {"file": path(file), "folder": path(current_folder())}


def path(text: str) -> str | bytes:
    """A path as a node takes it: as bytes, where it is no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def _file_copy(copy: dict[str, Any]) -> tuple[str, ...]:
    return copy["host"], copy["state"], copy["reason"]


def _version(version: dict[str, Any]) -> tuple[str, ...]:
    age = f"{show_age(version['age'])} ago"
    return version["host"], str(version["number"]), age, show_size(version["size"])
