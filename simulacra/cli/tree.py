"""``tree``: folders that several hosts have, kept in step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclopts import App

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output, tree_files
from simulacra.cli.options import COMMON, Common, Duration, Size, client

app = App(name="tree")

_GIVING_UP = 600.0


@app.default
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


app.command(list_, name="list")


@app.command
def add(
    name: str,
    path: Path,
    /,
    *,
    keep: Size | None = None,
    keep_for: Duration | None = None,
    common: Common = COMMON,
) -> None:
    """Make a folder of this host a tree of the network, with its main store here.

    For example:

    - `simulacra tree add src ~/src`

    Args:
        name: What to call it.
        path: The folder.
        keep: Bytes that the versions may have that this host keeps of what sync replaces or
            deletes, as in 5G; 2G unless said.
        keep_for: How long it keeps one, as in 90d; 30d unless said.
        common: Options of all commands.
    """
    done = client(common).item(
        "tree_add", name=name, path=str(path.absolute()), timeout=30.0, **_kept(keep, keep_for)
    )
    text = f"{name} is a tree now; have it elsewhere: simulacra tree follow {name} PATH"
    _done(text, done, common)


@app.command
def follow(
    name: str,
    path: Path,
    /,
    *,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    largest: Size | None = None,
    keep: Size | None = None,
    keep_for: Duration | None = None,
    room: Size | None = None,
    recent: Duration | None = None,
    common: Common = COMMON,
) -> None:
    """Have a copy of a tree in a folder of this host, kept in step with the others.

    A folder with files in it is merged with the tree: equal files are one, others are kept beside
    each other.

    For example:

    - `simulacra tree follow src ~/src`
    - `simulacra tree follow photos ~/photos --exclude '*.raw' --largest 50M`

    Args:
        name: The tree.
        path: The folder; it is made where it is missing.
        include: Only files that match this pattern, as in .gitignore; may be given several times.
        exclude: No files that match this pattern; may be given several times.
        largest: No files over this size, as in 50M.
        keep: Bytes that the versions may have that this host keeps of what sync replaces or
            deletes, as in 5G; 2G unless said.
        keep_for: How long it keeps one, as in 90d; 30d unless said.
        room: No more than this in all, as in 5G: first what --include names, then what was used
            here or modified last.
        recent: With --room, what was used here within this time stays in any case, as in 30d.
        common: Options of all commands.
    """
    done = client(common).item(
        "tree_follow",
        name=name,
        path=str(path.absolute()),
        include=list(include),
        exclude=list(exclude),
        largest=largest,
        room=room,
        recent=recent,
        timeout=30.0,
        **_kept(keep, keep_for),
    )
    _done(f"{name} is followed in {done['path']}: simulacra tree status {name}", done, common)


@app.command
def choose(
    name: str,
    /,
    *,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    largest: Size | None = None,
    room: Size | None = None,
    recent: Duration | None = None,
    all: bool = False,  # noqa: A002 - what is typed
    common: Common = COMMON,
) -> None:
    """Have another part of a tree on this host, or all of it.

    What is wanted now comes. What is not wanted any more goes from this host's disk, and from no
    other, once a host in reach that has all of the tree has it.

    For example:

    - `simulacra tree choose photos --exclude '*.raw' --largest 50M`
    - `simulacra tree choose photos --include 2026/ --room 5G --recent 30d`
    - `simulacra tree choose photos --all`

    Args:
        name: The tree.
        include: Only files that match this pattern, as in .gitignore; may be given several times.
        exclude: No files that match this pattern; may be given several times.
        largest: No files over this size, as in 50M.
        room: No more than this in all, as in 5G: first what --include names, then what was used
            here or modified last.
        recent: With --room, what was used here within this time stays in any case, as in 30d.
        all: All of it.
        common: Options of all commands.
    """
    part = {
        "include": list(include),
        "exclude": list(exclude),
        "largest": largest,
        "room": room,
        "recent": recent,
    }
    if all == any(part.values()):
        raise GatewayError(
            ErrorCode.USAGE,
            "say which part of it, or --all, and not both",
            f"for example: simulacra tree choose {name} --largest 50M",
        )
    done = client(common).item("tree_choose", name=name, **part, timeout=30.0)
    what = "all" if done["complete"] else "a part"
    _done(f"{what} of {name} is here from now on: simulacra tree status {name}", done, common)


@app.command
def limit(name: str, /, *, rate: Size | None = None, common: Common = COMMON) -> None:
    """Fetch no more than so many bytes a second for a tree on this host; without --rate any.

    For example:

    - `simulacra tree limit photos --rate 5M`
    - `simulacra tree limit photos`

    Args:
        name: The tree.
        rate: Bytes a second, as in 5M.
        common: Options of all commands.
    """
    done = client(common).item("tree_limit", name=name, rate=rate, timeout=30.0)
    how = f"at {rate} bytes a second at most" if rate else "as fast as it goes"
    _done(f"{name} is fetched {how}", done, common)


@app.command
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
        for line in _remarks(copy):
            output.message(f"{copy['host']}: {line}")


app.command(tree_files.versions)
app.command(tree_files.restore)


@app.command
def sync(
    name: str, /, *, anyway: bool = False, timeout: float = 600.0, common: Common = COMMON
) -> None:
    """Look at all of a tree now, and wait until every copy in reach is as this host's is.

    What is held back, as a large file over a metered line, is not waited for, and listed; so is a
    copy that is halted.

    For example:

    - `simulacra tree sync src`
    - `simulacra tree sync src --anyway`

    Args:
        name: The tree.
        anyway: Fetch large files also over a metered line, and on a low battery.
        timeout: Seconds to wait at most.
        common: Options of all commands.
    """
    done = client(common).item("tree_sync", name=name, anyway=anyway, timeout=timeout)
    hosts = ", ".join(each["host"] for each in done["copies"] if each["state"] == "idle")
    waiting = [f"{each['host']}: {line}" for each in done["copies"] for line in _waiting(each)]
    _done(f"{name} is in step on {hosts}{', but for what waits:' * bool(waiting)}", done, common)
    for line in () if common.json else waiting:
        output.message(line)


@app.command
def pause(name: str, /, *, common: Common = COMMON) -> None:
    """Leave this host's copy of a tree as it is, until it is resumed.

    For example:

    - `simulacra tree pause photos`

    Args:
        name: The tree.
        common: Options of all commands.
    """
    done = client(common).item("tree_pause", name=name, paused=True)
    _done(f"{name} is paused here; go on: simulacra tree resume {name}", done, common)


@app.command
def resume(name: str, /, *, sure: bool = False, common: Common = COMMON) -> None:
    """Keep this host's copy of a tree in step again.

    For example:

    - `simulacra tree resume photos`
    - `simulacra tree resume photos --sure`

    Args:
        name: The tree.
        sure: Also where more than half of it is gone: that was deleted on purpose.
        common: Options of all commands.
    """
    done = client(common).item("tree_pause", name=name, paused=False, sure=sure)
    _done(f"{name} is kept in step", done, common)


@app.command
def unfollow(name: str, /, *, force: bool = False, common: Common = COMMON) -> None:
    """Have no copy of a tree on this host any more; its files stay where they are.

    It is refused while this copy has what no other host has.

    For example:

    - `simulacra tree unfollow photos`

    Args:
        name: The tree.
        force: Also while it has: that stays here, and is in the tree no more.
        common: Options of all commands.
    """
    done = client(common).item("tree_unfollow", name=name, force=force, timeout=_GIVING_UP)
    _done(f"{name} is followed here no more; its files stay in {done['path']}", done, common)


@app.command
def remove(name: str, /, *, force: bool = False, common: Common = COMMON) -> None:
    """Have no such tree in the network any more; all files stay where they are.

    It is refused while a copy has what no other has, or is out of reach, so that nobody knows.

    For example:

    - `simulacra tree remove photos`

    Args:
        name: The tree.
        force: Also then: each host is left with what it has.
        common: Options of all commands.
    """
    done = client(common).item("tree_remove", name=name, force=force, timeout=_GIVING_UP)
    _done(f"there is no tree {name} any more; its files stay where they are", done, common)


def _remarks(copy: dict[str, Any]) -> Iterator[str]:
    """What is to be said of a copy beside its state."""
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


def _waiting(copy: dict[str, Any]) -> Iterator[str]:
    """What was not waited for, and why."""
    if copy["state"] == "halted":
        yield f"it is halted: {copy['reason']}"
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


def _done(text: str, done: dict[str, Any], common: Common) -> None:
    if common.json:
        output.document(done)
    else:
        output.message(text)


def _listed(tree: dict[str, Any]) -> tuple[str, ...]:
    main = tree["main"]
    others = [f"{host}:{path}" for host, path in tree["hosts"].items() if host != main]
    return tree["name"], f"{main}:{tree['hosts'].get(main, '?')}", ", ".join(others) or "-"


def _copy(copy: dict[str, Any]) -> tuple[str, ...]:
    role = "main store" if copy["main"] else "follower"
    return copy["host"], copy["path"], role, copy["state"], copy.get("reason", "")


def _kept(keep: Size | None, keep_for: Duration | None) -> dict[str, Any]:
    said = {"keep_bytes": keep, "keep_seconds": keep_for}
    return {name: value for name, value in said.items() if value is not None}
