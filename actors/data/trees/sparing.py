"""When bytes of a tree are not fetched now: over a metered line, on a low battery, above a rate.

Up to `BIG` bytes of a file are fetched at any time, so that text and settings follow everywhere.
What is bigger waits while this host's line is metered, or that of every host that may have it, or
while its battery is low; unless the user says that it is to come anyway.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

BIG: Final = 8 << 20
"""Bytes that are fetched in any case."""


@dataclass(frozen=True, slots=True)
class Line:
    """How this host is connected now.

    Attributes:
        metered: whether what goes over its line is paid for.
        metered_hosts: the other hosts of which that is so.
        low_battery: whether it runs on a battery that is nearly empty.
    """

    metered: bool = False
    metered_hosts: Collection[str] = frozenset()
    low_battery: bool = False


def why_wait(size: int, line: Line, hosts: Collection[str]) -> str | None:
    """Why so many bytes of a file are not to be fetched now; None if they are.

    Args:
        size: the bytes.
        line: how this host is connected.
        hosts: those that may have them.
    """
    if size <= BIG:
        return None
    if line.metered:
        return "this line is metered"
    if hosts and all(host in line.metered_hosts for host in hosts):
        return f"the line of {', '.join(sorted(hosts))} is metered"
    if line.low_battery:
        return "the battery is low"
    return None


class Bucket:
    """A token bucket: so many bytes a second on average, and one second's worth at once.

    Args:
        rate: bytes a second; None for any.
    """

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._free_at = 0.0

    def take(self, size: int, now: float) -> float:
        """For how many seconds to wait before so many bytes are fetched.

        Args:
            size: bytes; more than a second's worth are let through at once, and waited for after.
            now: the time, seconds.
        """
        if self._rate is None:
            return 0.0
        waits = max(0.0, self._free_at - now)
        self._free_at = max(self._free_at, now - 1.0) + size / self._rate
        return waits
