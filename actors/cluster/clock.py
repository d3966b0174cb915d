"""A hybrid logical clock: stamps that follow the wall clock, and order what one host has seen.

1. A stamp is (milliseconds since the epoch, a counter); of two equal ones the origin decides.
2. A stamp of ours is later than every stamp seen that is not over `TOLERANCE` ahead of our wall.
3. A stamp further ahead is *flagged* and does not move our clock: one host whose clock is an hour
   wrong drags nobody along. What has to come after one certain stamp, as a change of a fact after
   the fact, is stamped after it all the same (`after`), so that a wrong clock blocks nothing.
4. When our own wall turns out to have been ahead and is put back by more than `TOLERANCE`, the
   clock goes back with it.

The wall's time is handed in.
"""

from __future__ import annotations

from typing import Final, NamedTuple

TOLERANCE: Final = 60_000
"""Milliseconds that a clock may be ahead before it is flagged."""


class Stamp(NamedTuple):
    """When something was said.

    Attributes:
        ms: milliseconds since the epoch.
        tick: tells stamps of one millisecond apart.
    """

    ms: int
    tick: int

    def next(self) -> Stamp:
        """The first stamp after this one."""
        return Stamp(self.ms, self.tick + 1)


NEVER: Final = Stamp(0, 0)


class Clock:
    """The clock of one host.

    Attributes:
        last: the latest stamp given or seen.
    """

    def __init__(self) -> None:
        self.last = NEVER

    def stamp(self, wall: int, *, after: Stamp = NEVER) -> Stamp:
        """A new stamp, later than all before and than ``after``; ``wall`` in milliseconds."""
        if is_ahead(self.last, wall):
            self.last = NEVER
        self.last = max(Stamp(wall, 0), self.last.next())
        return max(self.last, after.next())

    def see(self, stamp: Stamp, wall: int) -> bool:
        """Take notice of another's stamp; whether it is so far ahead that it is flagged."""
        if is_ahead(stamp, wall):
            return True
        self.last = max(self.last, stamp)
        return False


def is_ahead(stamp: Stamp, wall: int) -> bool:
    """Whether a stamp is further ahead of a wall clock than clocks may differ."""
    return stamp.ms > wall + TOLERANCE
