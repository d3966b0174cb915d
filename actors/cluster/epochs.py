"""Epochs: which focus is newer, and whose orders still count.

An epoch is (counter, host): whoever becomes master takes a counter above the highest that was seen,
and the host is its own name, so no two hosts ever act in the same epoch. Epochs are ordered by the
counter, then by the host. Whoever executes orders keeps the highest epoch that it saw, on disk,
and refuses orders of lower ones: a master that was only stopped for a while does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True, slots=True)
class Epoch:
    """One term of one master.

    Attributes:
        counter: grows with every change of the focus; 0 is before the first master.
        host: the master of this epoch.
    """

    counter: int = 0
    host: str = ""

    def after(self, host: str) -> Epoch:
        """The epoch that follows this one when ``host`` becomes master."""
        return Epoch(self.counter + 1, host)

    def to_plain(self) -> list[Any]:
        """As plain data."""
        return [self.counter, self.host]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> Epoch:
        """What `to_plain` gave."""
        return cls(int(plain[0]), str(plain[1]))

    def __str__(self) -> str:
        return f"{self.counter}@{self.host}"


NO_EPOCH = Epoch()
"""Before the first master."""
