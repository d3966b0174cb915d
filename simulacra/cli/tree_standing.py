"""``tree list``, ``tree status`` and ``tree sync``: which trees there are, and how copies stand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.units import show_age
from simulacra.cli import output, tree_files
from simulacra.cli.options import COMMON, Common, Period, client
from simulacra.cli.progress import shower

_STUCK: Final = {"waiting", "halted"}


def list_(*, common: Common = COMMON) -> None:
    """Show the network's trees: where the main store of each is, and which hosts follow it.

    For example:

    - `simulacra tree`
    - `simulacra tree add src ~/src`
    - `simulacra tree follow src ~/src`
    - `simulacra tree status src`

    Args:
        common: Options of all commands.
    """
    found = client(common).item("tree_list")
    if common.json:
        output.document(found)
        return
    output.table(("tree", "main store", "followers"), map(_listed, found["trees"]))
    for each in found.get("left_over", ()):  # A node of the version before does not say.
        output.message(
            f"{each['name']} is no tree of the network any more, and this host's copy in "
            f"{each['path']} is in step with nobody: simulacra tree unfollow {each['name']}"
        )


def status(name: str, /, *, common: Common = COMMON) -> None:
    """Show how far each copy of a tree is, what is not in step, and why; or how one file is.

    Of a file it shows the versions that are known, and of each host whether it has the latest, what
    it waits for, and why it has it not.

    For example:

    - `simulacra tree status src`
    - `simulacra tree status src:notes/todo.txt`
    - `simulacra tree status ./todo.txt`

    Args:
        name: The tree; or a file, as TREE:PATH, or a path in the folder of a tree: with a / in it
            (./todo.txt) where a tree has that name, or the file is gone.
        common: Options of all commands.
    """
    is_text = isinstance(tree_files.path(name), str)
    if ":" in name or "/" in name or not is_text:  # as the name of every tree is
        tree_files.show(name, common)
        return
    try:
        found = client(common).item("tree_status", name=name, timeout=15.0)
    except GatewayError as error:
        if error.code is ErrorCode.NOT_FOUND and os.path.lexists(name):
            tree_files.show(name, common)
            return
        raise
    if common.json:
        output.document(found)
        return
    output.table(("host", "path", "role", "state", "why"), map(_copy, found["copies"]))
    for copy in found["copies"]:
        for line in _remarks(name, copy):
            output.message(f"{copy['host']}: {line}")


def sync(
    name: str, /, *, anyway: bool = False, timeout: Period = 600.0, common: Common = COMMON
) -> None:
    """Look at all of a tree now, and wait until every copy in reach is as this host's is.

    What is held back, as a large file over a metered line, is not waited for, and listed; so is a
    copy that is halted or paused.

    For example:

    - `simulacra tree sync src`
    - `simulacra tree sync src --anyway`

    Args:
        name: The tree.
        anyway: Fetch large files also over a metered line, and on a low battery.
        timeout: How long to wait at most.
        common: Options of all commands.
    """
    done = _synced(common, name=name, anyway=anyway, timeout=timeout)
    hosts = ", ".join(each["host"] for each in done["copies"] if each["state"] == "idle")
    waiting = [
        f"{each['host']}: {line}" for each in done["copies"] for line in _waiting(name, each)
    ]
    if common.json:
        output.document(done)
        return
    output.message(f"{name} is in step on {hosts}{', but for what waits:' * bool(waiting)}")
    for line in waiting:
        output.message(line)


def _synced(common: Common, **asked: Any) -> dict[str, Any]:
    """Show how far it is, until it is done."""
    done: dict[str, Any] = {}
    with shower(common) as shown:
        for item in client(common).items("tree_sync", progress=True, **asked):
            if "progress" in item:
                shown.show(item["progress"])
            else:
                done = item
    return done


def _remarks(tree: str, copy: dict[str, Any]) -> Iterator[str]:
    """What is to be said of a copy beside its state."""
    if copy["state"] == "halted":
        yield f"put it right; or, if it is, there: simulacra tree resume {tree} --sure"
    yield from _left(copy)
    yield from _listed_paths(copy, "skipped")
    for folder, count in copy.get("quarantined", {}).items():
        yield (
            f"{_files(count)} in {folder}, since this copy was away: "
            f"move out what you want, and delete the rest: rm -r {folder}"
        )
    if copy.get("unacknowledged"):
        hosts = ", ".join(copy["unacknowledged"])
        yield f"{copy['tombstones']} deletions are remembered until {hosts} heard of them"


def _waiting(tree: str, copy: dict[str, Any]) -> Iterator[str]:
    """What was not waited for, and why."""
    if copy["state"] == "halted":
        yield f"it is halted: {copy['reason']}"
    if copy["state"] == "paused":
        yield f"it is paused; go on with it, there: simulacra tree resume {tree}"
    yield from _left(copy)


def _left(copy: dict[str, Any]) -> Iterator[str]:
    """What is not as it should be there, and why."""
    yield from _listed_paths(copy, "left")


def _listed_paths(copy: dict[str, Any], which: str) -> Iterator[str]:
    for path, reason in copy.get(which, {}).items():
        yield f"{path}: {reason}"
    if more := copy.get(f"{which}_more", 0):  # A node of the version before does not say.
        yield f"and {more} more"


def _files(count: int) -> str:
    return (
        "1 file that no other host knows waits"
        if count == 1
        else f"{count} files that no other host knows wait"
    )


def _listed(tree: dict[str, Any]) -> tuple[str, ...]:
    main = tree["main"]
    others = [f"{host}:{path}" for host, path in tree["hosts"].items() if host != main]
    return tree["name"], f"{main}:{tree['hosts'].get(main, '?')}", ", ".join(others) or "-"


def _copy(copy: dict[str, Any]) -> tuple[str, ...]:
    role = "main store" if copy["main"] else "follower"
    return copy["host"], copy["path"], role, copy["state"], _why(copy)


def _why(copy: dict[str, Any]) -> str:
    """Why it is not at work, and when it will be."""
    reason: str = copy.get("reason", "")
    retry_in = copy.get("retry_in")  # A node of the version before does not say.
    if retry_in is None or copy["state"] not in _STUCK:
        return reason
    return f"{reason}; it is tried again in {show_age(retry_in)}"
