"""What a change of the focus leaves in the journal: handed over, taken over, and merged again.

``handoff`` is the point of no return of a planned refocus. ``fork`` opens the records of a host
that took over by itself: where they leave the others' (sequence, hash), and which hosts were there.
It cannot be known whether the former master was lost or is behind a split, so every such host is a
deputy until it is clear that nobody else went on. ``merge`` holds what another side's records
change here (a join, see `lattice`), and writes down for people what happened on each side and what
was in conflict. ``refuse`` keeps the answer to a refocus that did not come about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulacra.actors.cluster.desk import Desk, Kind, RefusedError
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.lattice import Difference, State

HISTORY_KEPT = 100
SPLITS_KEPT = 50
LINES_KEPT = 100
_SHOWN = ("names", "settings", "items", "ledgers")


def fork_body(
    base: tuple[int, str], members: Iterable[str], lost: Epoch, why: str
) -> dict[str, Any]:
    """What a host writes that takes over by itself."""
    return {"base": list(base), "members": sorted(members), "lost": lost.to_plain(), "why": why}


def merge_body(own: State, other: State, other_epoch: Epoch, host: str) -> dict[str, Any]:
    """What a master writes to merge the records of another side.

    Args:
        own: the master's state.
        other: the other side's.
        other_epoch: the epoch of its last entry.
        host: who brought it.
    """
    difference = own.difference(other)
    return {
        "from": host,
        "epoch": other_epoch.to_plain(),
        "difference": difference.to_plain(),
        "ours": _lines(other.difference(own)),
    }


def _lines(difference: Difference) -> dict[str, Any]:
    """What happened, for people: the first lines, and how many there are."""
    lines = [
        [table, key, _short(value)]
        for table, key, _, _, value in difference.adds
        if table in _SHOWN
    ]
    gone = [[table, key, "removed"] for table, key, _, _ in difference.drops if table in _SHOWN]
    changed = {(table, key) for table, key, _ in lines}
    lines += [line for line in gone if (line[0], line[1]) not in changed]
    return {"count": len(lines), "first": lines[:LINES_KEPT]}


def _short(value: dict[str, Any]) -> Any:
    for word in ("owner", "value", "state"):
        if word in value:
            return value[word]
    return value


def _handoff(desk: Desk, body: dict[str, Any]) -> Any:
    epoch, why = Epoch.from_plain(body["epoch"]), str(body["why"])
    _remember(desk, epoch, {"why": why, "planned": True})
    return {"master": epoch.host, "epoch": body["epoch"]}


def _fork(desk: Desk, body: dict[str, Any]) -> Any:
    told = {key: body[key] for key in ("why", "base", "members", "lost")}
    _remember(desk, desk.epoch, {**told, "planned": False})


def _remember(desk: Desk, epoch: Epoch, told: dict[str, Any]) -> None:
    """Add to the history of masters."""
    key = f"{epoch.counter:09d}@{epoch.host}"
    desk.put("masters", key, {"epoch": epoch.to_plain(), "since": desk.at, **told})
    for old in desk.state.keys("masters")[: -HISTORY_KEPT + 1]:
        desk.drop("masters", old)


def _merge(desk: Desk, body: dict[str, Any]) -> Any:
    difference = Difference.from_plain(body["difference"])
    desk.state.merge(difference)
    touched = {(table, key) for table, key, *_ in difference.adds if table in _SHOWN}
    doubles = [
        [table, key]
        for table, key in sorted(touched)
        if len({repr(value) for value in desk.values(table, key).values()}) > 1
    ]
    record = {
        "at": desk.at,
        "master": desk.epoch.to_plain(),
        "other": body["epoch"],
        "from": body["from"],
        "ours": body["ours"],
        "theirs": _lines(difference),
        "doubles": doubles[:LINES_KEPT],
    }
    desk.put("splits", f"{desk.epoch.counter:09d}@{desk.dot[0]}-{desk.dot[1]:09d}", record)
    for old in desk.state.keys("splits")[: -SPLITS_KEPT + 1]:
        desk.drop("splits", old)


def _refuse(desk: Desk, body: dict[str, Any]) -> Any:
    del desk
    raise RefusedError(str(body["why"]))


FOCUS_KINDS: dict[str, Kind] = {
    "handoff": _handoff,
    "fork": _fork,
    "merge": _merge,
    "refuse": _refuse,
}
"""Entries that the focus writes itself; nobody may ask for them."""
