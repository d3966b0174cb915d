"""``focus``, ``splits``: which host is first, and what became of the network's splits."""

from __future__ import annotations

import time
from typing import Any

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.units import show_age, show_seconds
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, client


def focus(
    host: str | None = None,
    /,
    *,
    auto: bool = False,
    after: tuple[str, ...] = (),
    why: str = "",
    common: Common = COMMON,
) -> None:
    """Show which host is master, since when and why; or make another host the master.

    A planned change loses no request. When the master is lost, the best host in reach takes over by
    itself within 10 s: first who is named with --after, then by mains power, journal and uptime.

    For example:

    - `simulacra focus`
    - `simulacra focus nas --why "the laptop is going home"`
    - `simulacra focus --after nas --after desk`
    - `simulacra focus --auto`

    Args:
        host: The host to be master from now on.
        auto: Leave it to the rank alone who is next.
        after: Who is to be next; may be given several times, the first in line first.
        why: Why, for people who look later.
        common: Options of all commands.
    """
    if auto and after:
        raise GatewayError(
            ErrorCode.USAGE, "--auto and --after contradict each other", "leave one of them out"
        )
    calls = client(common)
    if auto or after:
        calls.item("succession", hosts=list(after), timeout=20.0)
    if host is None:
        found = calls.item("focus")
    else:
        found = calls.item("refocus", host=host, why=why, timeout=20.0)
        if not common.json:
            output.message(f"{host} is master now; it took {show_seconds(found['took'])}")
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
        output.message("no split was healed so far")
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
