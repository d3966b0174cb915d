"""Whether a machine that was told to sleep has slept, and is awake again.

A program that asks for sleep may return before the machine sleeps (``systemctl suspend``) or when
it is awake again (``rtcwake``), so its end tells nothing. What tells is the clock: between two
looks that should be a quarter of a second apart far more time has passed. A machine that has not
slept a minute after that program ended does not sleep at all.
"""

from __future__ import annotations

from typing import Final

EVERY: Final = 0.25
"""Seconds between two looks."""
GAP: Final = 2.0
"""Seconds beyond that which a busy machine does not lose, but one that slept does."""
PATIENCE: Final = 60.0


class Rest:
    """See the module.

    Args:
        now: seconds of a clock that goes on while the machine sleeps.
    """

    def __init__(self, now: float) -> None:
        self._looked = now
        self._awake_since: float | None = None

    def look(self, now: float, *, asked: bool) -> str | None:
        """Why the machine is awake for certain; None while it may still fall asleep.

        Args:
            now: the time.
            asked: whether the program that asks for sleep is at it.
        """
        gap, self._looked = now - self._looked, now
        if gap > EVERY + GAP:
            return f"it slept for {gap:.0f} s"
        if asked:
            self._awake_since = None
        elif self._awake_since is None:
            self._awake_since = now
        elif now - self._awake_since > PATIENCE:
            return f"it did not fall asleep within {PATIENCE:.0f} s"
        return None
