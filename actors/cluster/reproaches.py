"""What hosts are reproached with: counted by host, and logged once."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

_LIMIT: Final = 1000
"""How many hosts, and reasons, are told apart."""

logger = logging.getLogger(__name__)


class Reproaches:
    """See the module.

    Attributes:
        counts: how often, by host; what is beyond the limit is under an empty name.
        ahead: hosts whose clocks are ahead.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.ahead: set[str] = set()
        self._told: set[tuple[str, str]] = set()

    def add(self, host: str, reason: str) -> None:
        """Count one, and log it if it is new."""
        is_known = host in self.counts or len(self.counts) < _LIMIT
        self.counts[host if is_known else ""] += 1
        if (host, reason) not in self._told and len(self._told) < _LIMIT:
            self._told.add((host, reason))
            logger.warning("of what %s told the directory something was refused: %s", host, reason)

    def is_ahead(self, host: str) -> None:
        """The clock of a host is ahead."""
        if host not in self.ahead and len(self.ahead) < _LIMIT:
            self.ahead.add(host)
            logger.warning("the clock of %s is over a minute ahead of ours: set it", host)
