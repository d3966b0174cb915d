"""``tree``: folders that several hosts have, kept in step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyclopts import App

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output, tree_files, tree_standing
from simulacra.cli.options import COMMON, Amount, Common, Duration, Period, Size, client

app = App(name="tree")

_GIVING_UP = 600.0


app.default(tree_standing.list_)
app.command(tree_standing.list_, name="list")


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
    largest: Amount | None = None,
    keep: Size | None = None,
    keep_for: Duration | None = None,
    room: Amount | None = None,
    recent: Period | None = None,
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
    largest: Amount | None = None,
    room: Amount | None = None,
    recent: Period | None = None,
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
def limit(name: str, /, *, rate: Amount | None = None, common: Common = COMMON) -> None:
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


app.command(tree_standing.status)
app.command(tree_files.versions)
app.command(tree_files.restore)
app.command(tree_standing.sync)


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


def _done(text: str, done: dict[str, Any], common: Common) -> None:
    if common.json:
        output.document(done)
    else:
        output.message(text)


def _kept(keep: Size | None, keep_for: Duration | None) -> dict[str, Any]:
    said = {"keep_bytes": keep, "keep_seconds": keep_for}
    return {name: value for name, value in said.items() if value is not None}
