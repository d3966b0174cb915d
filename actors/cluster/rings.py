"""Who probes whom: the live hosts on several rings, each in an order of its own.

Each host probes its next host on every ring, and is probed by its previous ones. The orders are
pseudo-random, drawn from the names alone, so all hosts that know the same hosts agree on them, and
a host's neighbours have nothing in common. The load of a host, and the connections it needs, do not
grow with the network; news passed along the rings reaches all of N hosts in about log N steps.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b

_Place = tuple[bytes, str]


@lru_cache(maxsize=65_536)
def _place(ring: int, host: str) -> _Place:
    return blake2b(f"{ring} {host}".encode(), digest_size=8).digest(), host


class Rings:
    """The rings as one host sees them.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._rings: list[list[_Place]] = [[] for _ in range(count)]

    def __len__(self) -> int:
        return len(self._rings[0])

    def add(self, host: str) -> None:
        """Take a host in that is not in yet."""
        for number, ring in enumerate(self._rings):
            insort(ring, _place(number, host))

    def remove(self, host: str) -> None:
        """Take a host out that is in."""
        for number, ring in enumerate(self._rings):
            del ring[bisect_left(ring, _place(number, host))]

    def after(self, host: str) -> list[str]:
        """The next host on every ring, each host once, never the host itself."""
        return self._beside(host, 1)

    def before(self, host: str) -> list[str]:
        """The previous host on every ring, each host once, never the host itself."""
        return self._beside(host, -1)

    def _beside(self, host: str, step: int) -> list[str]:
        found: list[str] = []
        for number, ring in enumerate(self._rings):
            for other in _walk(ring, _place(number, host), step):
                if other != host and other not in found:
                    found.append(other)
                    break
        return found


def _walk(ring: list[_Place], start: _Place, step: int) -> Iterator[str]:
    """All hosts of a ring in order, from a place on, whether or not it is taken."""
    at = bisect_left(ring, start) - (step < 0)
    for offset in range(len(ring)):
        yield ring[(at + step * offset) % len(ring)][1]
