"""When a split has begun, as one host can tell: pure.

That a host is out of reach does not say whether it is down or in another part. Two things make a
split of it: several hosts were lost sight of at once, or this host has become a deputy, and acts as
master for what may be one part of several. It is told once, and is over when nobody that was lost
sight of is out of reach. Hosts that were not met since the start, or parted on purpose, do not
count.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

AT_ONCE: Final = 10.0
"""Seconds within which losses belong together: the longest that membership takes, doubled."""


class Splits:
    """See the module."""

    def __init__(self) -> None:
        self._met: set[str] = set()
        self._lost: dict[str, float] = {}
        self._told = False

    def look(
        self, reached: Collection[str], missing: Collection[str], *, deputy: bool, now: float
    ) -> tuple[str, ...] | None:
        """Take how things are at a time in seconds; who is out of reach, when a split has begun.

        Args:
            reached: the other hosts that are in reach.
            missing: those that should be, and are not.
            deputy: whether this host acts as the master of a part that may be the smaller one.
            now: the time.
        """
        self._met = {*(self._met & set(missing)), *reached}
        self._lost = {host: self._lost.get(host, now) for host in self._met & set(missing)}
        if not self._lost:
            self._told = False
        recent = [host for host, since in self._lost.items() if now - since < AT_ONCE]
        if self._told or not (len(recent) > 1 or (deputy and self._lost)):
            return None
        self._told = True
        return tuple(sorted(self._lost))
