"""``focus``, ``splits``: which host is first, of all or of a tree, and what became of splits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.units import show_age, show_seconds
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, Period, client

if TYPE_CHECKING:
    from simulacra.client import Client


def focus(
    thing: str | None = None,
    host: str | None = None,
    /,
    *,
    auto: bool = False,
    after: tuple[str, ...] = (),
    force: bool = False,
    why: str = "",
    timeout: Period = 3600.0,
    common: Common = COMMON,
) -> None:
    """Show which host is master, since when and why; or make another host the master.

    A planned change loses no request. When the master is lost, the best host in reach takes over by
    itself within 10 s: first who is named with --after, then by mains power, journal and uptime.

    With the name of a tree it shows which host has the tree's main store, or moves that to another
    host that has a copy. Nothing is lost by that, and everybody goes on working in the tree.

    For example:

    - `simulacra focus`
    - `simulacra focus nas --why "the laptop is going home"`
    - `simulacra focus --after nas --after desk`
    - `simulacra focus --auto`
    - `simulacra focus src`
    - `simulacra focus src nas`
    - `simulacra focus src nas --force`

    Args:
        thing: The host to be master from now on; or a tree.
        host: The host to have the tree's main store from now on.
        auto: Leave it to the rank alone who is next.
        after: Who is to be next; may be given several times, the first in line first.
        force: Also without the old main store, where that is out of reach: what only it has comes
            when it is back, and it is a follower then.
        why: Why, for people who look later.
        timeout: How long to wait at most until a tree's new main store is up to date.
        common: Options of all commands.
    """
    if auto and after:
        raise GatewayError(
            ErrorCode.USAGE, "--auto and --after contradict each other", "leave one of them out"
        )
    calls = client(common)
    if thing is not None and (host is not None or _is_tree(calls, thing)):
        asked = {"name": thing, "host": host or "", "why": why, "force": force}
        _show_tree(calls.item("tree_focus", **asked, timeout=timeout), common)
        return
    if force:
        raise GatewayError(
            ErrorCode.USAGE,
            "--force is for the main store of a tree; a lost master is replaced by itself",
            "see who is master: simulacra focus",
        )
    if auto or after:
        calls.item("succession", hosts=list(after), timeout=20.0)
    if thing is None:
        found = calls.item("focus")
    else:
        found = calls.item("refocus", host=thing, why=why, timeout=20.0)
        if not common.json:
            output.message(f"{thing} is master now; it took {show_seconds(found['took'])}")
    if common.json:
        output.document(found)
    else:
        output.fields(_lines(found))


def splits(*, common: Common = COMMON) -> None:
    """Show the splits that were healed: what happened on each side, and how it was merged.

    For example:

    - `simulacra splits`

    Args:
        common: Options of all commands.
    """
    found = client(common).item("splits")
    if common.json:
        output.document(found)
        return
    if not found["splits"]:
        output.message(
            "no split was healed of which the other side had changed anything; see who was lost, "
            "and came back: simulacra events"
        )
    for split in found["splits"]:
        output.data(
            f"{_ago(split['at'])}: {split['master'][1]} (epoch {split['master'][0]}) took in what "
            f"{split['from']} brought of epoch {split['other'][0]} by {split['other'][1]}"
        )
        for side, told in (("here", split["ours"]), ("there", split["theirs"])):
            output.data(f"  changed {side}: {told['count']}")
            for table, key, value in told["first"]:
                output.data(f"    {_change(table, key, value)}")
        for table, key in split["doubles"]:
            output.data(f"  in conflict: {table} {key}")


def _change(table: str, key: str, value: Any) -> str:
    """One change in words; a service is known by what it runs."""
    if key.startswith("service.") and isinstance(value, dict):
        what = value.get("spec", {}).get("what", {})
        runs = what.get("argv") or [what.get("path") or what.get("target") or what.get("name", "")]
        return f"service {key.removeprefix('service.')}: {' '.join(map(str, runs))}"
    return f"{table} {key}: {value}"


def _is_tree(calls: Client, name: str) -> bool:
    return any(each["name"] == name for each in calls.item("tree_list")["trees"])


def _show_tree(found: dict[str, Any], common: Common) -> None:
    if common.json:
        output.document(found)
        return
    name, host = found["name"], found["host"]
    if "took" in found:
        took = show_seconds(found["took"])
        output.message(f"{host} has the main store of {name} now; it took {took}")
    before = [f"{host} ({counter})" for counter, host in found["before"]]
    handed = f", which handed it to {found['handed']}" if found["handed"] else ""
    output.fields(
        {
            "main store": host + handed + ("" if found["reachable"] else ", out of reach"),
            "epoch": str(found["epoch"]),
            "since": _ago(found["since"]),
            "why": found["why"] or "unknown",
            "before": ", ".join(before) or "nobody",
        }
    )


def _lines(found: dict[str, Any]) -> dict[str, str]:
    counter, host = found["epoch"]
    if not counter:
        return {"master": "none yet: it is decided within seconds of the start"}
    before = [f"{each['epoch'][1]} ({each['epoch'][0]})" for each in found["history"]][:-1]
    return {
        "master": host
        + (", this host" if found["acting"] else "")
        + (", as deputy of this part of the network" if found["deputy"] else ""),
        "epoch": str(counter),
        "since": _ago(found["since"]) if found["since"] else "unknown",
        "why": found["why"] or "unknown",
        "next": ", ".join(each for each in found["succession"] if each != host)
        or "the best in reach",
        "before": ", ".join(before[-5:]) or "nobody",
        "out of reach": ", ".join(found["absent"]) or "nobody",
    }


def _ago(at: float) -> str:
    return f"{show_age(max(0.0, time.time() - at))} ago"
