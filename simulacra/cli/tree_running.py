"""Before and after a command in another host's copy of a tree: edits go there, results come back.

What takes over a second says on stderr what it waits for. Ctrl-C before the command means that
nothing is run; after it the results come by themselves, only nobody waits for them.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from simulacra.actors.gateway.frames import GatewayError
from simulacra.actors.units import show_seconds
from simulacra.cli import output
from simulacra.cli.exits import ExitCode
from simulacra.client import Client

_WITHIN: Final = 600.0


def carry_there(calls: Client, found: dict[str, Any]) -> float:
    """Bring the edits of this host's copy to the other one; seconds that it took.

    Raises:
        GatewayError: something is in the way.
    """
    try:
        return _carry(calls, found, back=False, path=found["path"])
    except KeyboardInterrupt:
        output.message("interrupted before anything was run")
        sys.exit(ExitCode.INTERRUPTED)


def carry_back(calls: Client, found: dict[str, Any], spent: float) -> None:
    """Bring the results back; where that fails it is said, as the command has run all the same.

    Args:
        calls: the node.
        found: what `place` said.
        spent: seconds that it took to bring the edits there.
    """
    tree, host = found["tree"], found["host"]
    try:
        _carry(calls, found, back=True, habit=found["habit"], spent=spent)
    except (GatewayError, KeyboardInterrupt) as error:
        why = error.message if isinstance(error, GatewayError) else "interrupted"
        output.message(
            f"the command has run on {host}, and its results are not all here yet: {why}; they "
            f"come by themselves when that is over; to wait for them: simulacra tree sync {tree}"
        )


def _carry(calls: Client, found: dict[str, Any], *, back: bool, **args: Any) -> float:
    told = {"name": found["tree"], "host": found["host"], "back": back}
    for item in calls.items("tree_carry", timeout=_WITHIN, **told, **args):
        if item["done"]:
            return float(item["seconds"])
        output.message(f"{found['tree']}: {item['at']}")
    return 0.0


def rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """What `run --explain` shows of the chain of a tree: A is this host, B the other one."""
    return [_row(found, row) for row in found["chain"]]


def _row(found: dict[str, Any], row: dict[str, Any]) -> tuple[str, ...]:
    sides = "".join("AB"[each == found["host"]] for each in row["places"][1:])
    moved = {
        "AA": "nothing that is waited for",
        "AB": f"{found['changes']} changes and what is edited until then; the results",
        "BB": "keys and screen",
    }
    remark = "best" if row["best"] else ""
    return sides, " ".join(row["places"]), show_seconds(row["seconds"]), moved[sides], remark
