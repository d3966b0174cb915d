"""Which files of a tree a host with little room has: those that were used here last.

What was hoarded (the patterns to include) and what was used here within a stated time stay in any
case. Of all others the latest used have what room is left, one after the other, and the rest is
left out. A file that is not here counts by when it was last modified, wherever that was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from simulacra.actors.data.entries import Path


class Candidate(NamedTuple):
    """A file that may be on this disk.

    Attributes:
        used: when it was used here last, or modified, nanoseconds since the epoch.
        size: its bytes.
        path: where it is in the tree.
        here: whether it is on this disk.
        hoarded: whether the user asked for it by name.
    """

    used: int
    size: int
    path: Path
    here: bool
    hoarded: bool


def left_out(
    files: Iterable[Candidate], room: int | None, recent: int | None, now: int
) -> set[Path]:
    """The files that are not to be on this disk.

    Args:
        files: all that there are.
        room: bytes that they may have together; None for any.
        recent: nanoseconds for which what was used here stays; None for no time.
        now: the time, nanoseconds since the epoch.
    """
    if room is None:
        return set()
    since = now if recent is None else now - recent
    stays: list[Candidate] = []
    others: list[Candidate] = []
    for each in files:
        fixed = each.hoarded or (each.here and each.used >= since)
        (stays if fixed else others).append(each)
    free = room - sum(each.size for each in stays)
    out: set[Path] = set()
    for each in sorted(others, reverse=True):
        free -= each.size
        if free < 0:
            out.add(each.path)
            free += each.size
    return out
