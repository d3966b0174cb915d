"""When something that failed is tried again: soon at first, then less and less often."""

from __future__ import annotations

import time
from typing import Final

SOON: Final = 1.0
LATEST: Final = 60.0
"""Seconds until something is tried again, the first time and at most."""


class Retrying:
    """See the module; used by one thread.

    Attributes:
        at: when it is tried again, by the monotonic clock; infinite while nothing is to be.
    """

    def __init__(self) -> None:
        self.at = float("inf")
        self._wait = SOON

    def again(self, *, at_once: bool = False) -> None:
        """It failed, or not all of it was done; each time in a row the wait doubles.

        Args:
            at_once: do not wait, the first time.
        """
        if at_once and self.at == float("inf"):
            self.now()
            return
        self.at = time.monotonic() + self._wait
        self._wait = min(2 * self._wait, LATEST)

    def now(self) -> None:
        """There is more to do."""
        self.at = time.monotonic()

    def seldom(self) -> None:
        """Somebody else has to put it right: look now and then."""
        self.at = time.monotonic() + LATEST

    def done(self) -> None:
        """It worked."""
        self.at, self._wait = float("inf"), SOON
