"""A host's own time, which stands still while the host is stopped.

A process that was stopped, or a machine that was suspended, finds when it goes on that all its
timers have run out, though nobody had a chance to answer. So time is only what passed while this
host could act: when it is stepped much later than it wanted to be, the excess is left out, and all
its deadlines shift. Own time never goes back: neither when the clock is set back, nor when a host
finds that it should have acted before, which is no lateness: it wants to be stepped now.
"""

from __future__ import annotations

from typing import Final

_ROUNDING: Final = 1e-6


class Pace:
    """Own time from the time outside.

    Args:
        late: how late a step may be, in seconds, and still count as in time.

    Attributes:
        pauses: how often this host was stopped, or that slow.
    """

    def __init__(self, late: float) -> None:
        self.pauses = 0
        self._late = late
        self._ahead = 0.0  # own time minus the time outside
        self._last: float | None = None
        self._own = 0.0
        self._wanted: float | None = None
        self._due = 0.0

    def advance(self, outside: float) -> float:
        """Take a step at a time outside; the own time of it."""
        if self._last is not None and outside < self._last:
            self._ahead += self._last - outside
        elif self._wanted is not None and outside > self._wanted + self._late:
            self.pauses += 1
            self._ahead -= outside - self._wanted - self._late
        self._last = outside
        own = outside + self._ahead
        if self._wanted is not None and outside >= self._wanted - _ROUNDING:
            own = max(own, self._due)  # else a step that is on time might do nothing, for ever
        self._wanted = None
        self._own = own
        return own

    def want(self, own: float | None) -> float | None:
        """The time outside for the next step, wanted at an own time; now, if that is past."""
        if own is None:
            self._wanted = None
        else:
            self._due = max(own, self._own)
            self._wanted = self._due - self._ahead
        return self._wanted
