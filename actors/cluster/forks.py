"""What a change of the focus leaves in the journal: handed over, taken over, and merged again.

``handoff`` is the point of no return of a planned refocus. ``fork`` opens the records of a host
that took over by itself: where they leave the others' (sequence, hash), and which hosts were there.
It cannot be known whether the former master was lost or is behind a split, so every such host is a
deputy until it is clear that nobody else went on. ``merge`` holds what another host's records
change here (a join, see `lattice`), and writes down for people what happened on each side and what
was in conflict. ``refuse`` keeps the answer to a refocus that did not come about.

A *side* is what was written since one takeover, also by those to whom the focus was handed over
then. Its hosts meet others one by one, each with what it has: all of that is one split's, and told
once. What the hosts that a takeover began with have of the reign before it is no other side's, as
they were never apart; nor is there anything to tell of a side that changed nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
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
    _remember(desk, epoch, {"why": why, "after": desk.epoch.to_plain(), "planned": True})
    return {"master": epoch.host, "epoch": body["epoch"]}


def _fork(desk: Desk, body: dict[str, Any]) -> Any:
    told = {key: body[key] for key in ("why", "base", "members", "lost")}
    _remember(desk, desk.epoch, {**told, "planned": False})


def _remember(desk: Desk, epoch: Epoch, told: dict[str, Any]) -> None:
    """Add to the history of masters."""
    desk.put("masters", _key(epoch), {"epoch": epoch.to_plain(), "since": desk.at, **told})
    for old in desk.state.keys("masters")[: -HISTORY_KEPT + 1]:
        desk.drop("masters", old)


def _key(epoch: Epoch) -> str:
    """The key of what there is once for an epoch."""
    return f"{epoch.counter:09d}@{epoch.host}"


def entry_of(state: State, epoch: Epoch) -> dict[str, Any]:
    """What the history of masters has of an epoch; nothing where it is too long ago."""
    return dict(state.first("masters", _key(epoch)) or {})


def side_of(state: State, epoch: Epoch) -> Epoch:
    """The takeover that an epoch goes back to by handing over."""
    while before := entry_of(state, epoch).get("after"):
        epoch = Epoch.from_plain(before)
    return epoch


def _merge(desk: Desk, body: dict[str, Any]) -> Any:
    difference = Difference.from_plain(body["difference"])
    desk.state.merge(difference)
    theirs, side = _lines(difference), side_of(desk.state, Epoch.from_plain(body["epoch"]))
    if theirs["count"] and not _is_own_past(desk, side, body["from"]):
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
            "theirs": theirs,
            "doubles": doubles[:LINES_KEPT],
        }
        _tell_split(desk, side, record)


def _is_own_past(desk: Desk, side: Epoch, host: str) -> bool:
    """Whether a host brings what the takeover that this reign goes back to began from, with it."""
    begun = entry_of(desk.state, side_of(desk.state, desk.epoch))
    if host not in begun.get("members", ()):
        return False
    return side == side_of(desk.state, Epoch.from_plain(begun["lost"]))


def _tell_split(desk: Desk, side: Epoch, record: dict[str, Any]) -> None:
    """Write down a split, or more of one that is known."""
    key = _key(side)
    # Before the new one is put: what was long out of reach has an old key.
    for old in desk.state.keys("splits")[: -SPLITS_KEPT + 1]:
        desk.drop("splits", old)
    known = [value for _, value in sorted(desk.values("splits", key).items())]
    desk.put("splits", key, reduce(_with_more, [*known, record]))


def _with_more(known: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """A split, with what another host of the same side brought later."""
    doubles = known["doubles"] + [each for each in more["doubles"] if each not in known["doubles"]]
    return {
        **known,
        "at": more["at"],
        "other": max(known["other"], more["other"]),
        "theirs": _together(known["theirs"], more["theirs"]),
        "doubles": doubles[:LINES_KEPT],
    }


def _together(known: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The lines of both; of what changed again, only the later ones."""
    again = {(table, key) for table, key, _ in more["first"]}
    kept = [line for line in known["first"] if (line[0], line[1]) not in again]
    count = known["count"] - len(known["first"]) + len(kept) + more["count"]
    return {"count": count, "first": (kept + more["first"])[:LINES_KEPT]}


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
