"""``detach`` and ``rejoin``: take the trees along, be away, and bring both sides together."""

from __future__ import annotations

import time
from typing import Any

from simulacra.actors.units import show_age, show_size
from simulacra.cli import output
from simulacra.cli.exits import ExitCode
from simulacra.cli.options import COMMON, Common, Period, client
from simulacra.cli.progress import shower


def detach(
    *,
    for_: Period | None = None,
    trees: str | None = None,
    anyway: bool = False,
    timeout: Period = 900.0,
    common: Common = COMMON,
) -> int:
    """Take the trees along and part from the network: afterwards it is safe to close the lid.

    What is followed here is brought up to date, what this host was master or main store of is
    handed over, and the others are told. The node stays up and works alone, its trees are
    writable, its computations go on; also with the cable in, until `simulacra rejoin`. The exit
    code is 0 when everything is here, and 1, with what is missing, when it is not.

    For example:

    - `simulacra detach`
    - `simulacra detach --for 8h`
    - `simulacra detach --trees src,notes`

    Args:
        for_: How long it will probably be away; the others show it.
        trees: Bring only these up to date, with commas between them, and what computations need.
        anyway: Part also when something is missing; the exit code is 1 then all the same.
        timeout: How long it may take.
        common: Options of all commands.
    """
    asked = {
        "lasts": for_,
        "trees": None if trees is None else [each for each in trees.split(",") if each],
        "anyway": anyway,
    }
    done = _last("detach", asked, timeout, common)
    if common.json:
        output.document(done)
    else:
        _show_detached(done)
    return ExitCode.FAILED if done["missing"] else ExitCode.OK


def rejoin(*, dry_run: bool = False, timeout: Period = 900.0, common: Common = COMMON) -> int:
    """Belong to the network again, and bring together what both sides did meanwhile.

    Nothing is lost: what only one side changed goes to the other, texts that both changed are
    merged where they can be, and everything else is kept beside each other and listed. Interrupted,
    it goes on where it was when it is typed again.

    For example:

    - `simulacra rejoin --dry-run`
    - `simulacra rejoin`

    Args:
        dry_run: Only show what would be done.
        timeout: How long it may take.
        common: Options of all commands.
    """
    done = _last("rejoin", {"dry_run": dry_run}, timeout, common)
    if common.json:
        output.document(done)
    elif "rejoined" in done:
        _show_rejoined(done)
    return ExitCode.FAILED if done.get("missing") else ExitCode.OK


# -- on the way


def _last(verb: str, asked: dict[str, Any], timeout: float, common: Common) -> dict[str, Any]:
    """Show how it goes; the last thing that was said."""
    last: dict[str, Any] = {}
    with shower(common) as shown:
        for item in client(common).items(verb, timeout=timeout, **asked):
            if "progress" in item:
                shown.show(item["progress"])
            else:
                last = item
            if "plan" in item and not common.json:
                shown.pause()
                _show_plan(item["plan"], dry=bool(asked.get("dry_run")), goes_on=item["goes_on"])
    return last


# -- what came of it


def _show_detached(done: dict[str, Any]) -> None:
    for each in done["missing"]:
        output.message(f"missing: {each}")
    if not done["detached"]:
        output.message(
            "this host is not detached; mend that and try again, or go without: "
            "simulacra detach --anyway"
        )
        return
    for each in done.get("notes", ()):
        output.message(f"note: {each}")
    for tree, host in done.get("main_stores", {}).items():
        output.message(f"the main store of {tree} is on {host} now")
    until = done["until"]
    back = "" if until is None else f", back in {show_age(max(0.0, until - time.time()))}"
    already = " already" if done["already"] else ""
    safe = "; what is missing is missing" if done["missing"] else "; it is safe to close the lid"
    output.message(f"this host is detached{already}{back}{safe}; come back: simulacra rejoin")


def _show_plan(plan: dict[str, Any], *, dry: bool, goes_on: bool) -> None:
    if goes_on:
        output.message("this goes on where it was")
    for tree in plan["trees"]:
        if tree["problem"]:
            output.message(f"{tree['tree']}: {tree['problem']}")
            continue
        output.data(
            f"{tree['tree']}: {_flow(tree['up'])} up, {_flow(tree['down'])} down, "
            f"{len(tree['clashes'])} changed on both sides (with {tree['with']})"
        )
        for path in tree["clashes"]:
            output.data(f"  both: {path}")
    if dry:
        _show_finished(plan["finished"])


def _show_rejoined(done: dict[str, Any]) -> None:
    conflicts = 0
    for tree in done["trees"]:
        for path in tree["merged"]:
            output.data(f"merged: {tree['tree']}/{path}")
        for path in tree["conflicts"]:
            output.data(f"conflict: {tree['tree']}/{path}")
        conflicts += len(tree["conflicts"])
    _show_finished(done["finished"])
    if done["splits"]:
        output.message("the master's records were merged: simulacra splits")
    if conflicts:
        count = "1 conflict" if conflicts == 1 else f"{conflicts} conflicts"
        output.message(f"{count}, both sides kept: simulacra conflicts")
    notes = done.get("notes", ())
    for each in notes:
        output.message(f"note: {each}")
    for each in done["missing"]:
        output.message(f"not in step yet: {each}")
    if done["missing"]:
        output.message("this host is back in the network; when that is mended: simulacra rejoin")
    else:
        but = " but for what is noted" if notes else ""
        output.message(f"this host is back, and both sides are equal{but}")


def _show_finished(finished: list[dict[str, Any]]) -> None:
    for each in finished:
        ago = show_age(max(0.0, time.time() - each["ended"]))
        output.data(f"finished: {each['name']} on {each['host']}: {each['state']}, {ago} ago")


def _flow(flow: dict[str, Any]) -> str:
    removed = f" and {flow['removed']} deletions" if flow["removed"] else ""
    return f"{flow['changed']} changes{removed} ({show_size(flow['size'])})"
