"""What the plan says of who reaches whom, held against what the hosts measured. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.reachability import Way, matrix

_RANKS: Final = {"direct": 0, "punched": 0, "relayed": 1, "tunnelled": 2, "none": 3}
"""How good a way is; a punched one that works is direct."""


def compare(
    plan: Plan, lines: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Every pair of nodes: planned, measured, and how that compares.

    It is ``ok`` where the way is as good as planned or better, ``worse`` where it is reached
    otherwise, ``cut`` where it is not at all and should be, ``leak`` where it is and should not,
    ``unknown`` where the host has not told of late.
    """
    nodes = {name for name, each in plan.hosts.items() if each.kind == "node"}
    found = []
    for (one, other), planned in matrix(plan).items():
        if {one, other} <= nodes:
            line = lines.get(one, {}).get(other)
            found.append(
                {
                    "from": one,
                    "to": other,
                    "planned": str(planned.way),
                    "measured": None if line is None else line["how"],
                    "relays": [] if line is None else list(line["relays"]),
                    "round_trip": None if line is None else line["round_trip"],
                    "age": None if line is None else line["age"],
                    "verdict": _verdict(planned.way, line),
                }
            )
    return found


def _verdict(planned: Way, line: Mapping[str, Any] | None) -> str:
    if line is None:
        return "unknown"
    measured = _RANKS[line["how"]]
    if planned is Way.NONE:
        return "ok" if line["how"] == "none" else "leak"
    if line["how"] == "none":
        return "cut"
    return "ok" if measured <= _RANKS[planned] else "worse"
