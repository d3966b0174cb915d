"""What a computation reads and how much it works: measured, and how much is probably to come.

A loop of `ctx.steps` says how far it is: what is still to come is in proportion to what its items
had read, and worked, since it was first heard of here. A new loop begins a new measurement. Where
no loop says how far it is, as much again is expected as was so far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from simulacra.actors.compute.placement import Read

_LIKE_BEFORE: Final = 1.0
_TRIPS_A_FILE: Final = 4
"""Look at it, open it, read it, find its end."""

_LOAD_SECONDS: Final = 60.0
"""How fast the past fades, as in the load of a host over the last minute."""


@dataclass(frozen=True, slots=True)
class _Amount:
    size: int = 0
    files: int = 0


class Reading:
    """The bytes and files that one computation opened on one host, by ``host:folder``; its work.

    Attributes:
        busy: how many cores it kept busy over the last minute, as a host's load counts them.
    """

    def __init__(self) -> None:
        self._places: dict[str, _Amount] = {}
        self._before: dict[str, _Amount] = {}
        self._loop = ""
        self._worked = self._worked_before = 0.0
        self._measured: tuple[float, float] | None = None
        self.busy = 0.0
        self._first = self._done = self._total = 0

    def read(self, path: str, size: int, files: int = 1) -> None:
        """It opened ``files`` of ``size`` bytes in all below ``path``."""
        place = self._places.get(path, _Amount())
        self._places[path] = _Amount(place.size + size, place.files + files)

    def progressed(self, loop: str, done: int, total: int) -> None:
        """A loop is so far."""
        if loop != self._loop or done < self._done:
            self._loop, self._first = loop, done
            self._before, self._worked_before = dict(self._places), self._worked
        self._done, self._total = done, total

    def worked(self, cpu: float, now: float) -> None:
        """Its worker has used ``cpu`` seconds of processor time by ``now``; a new one less."""
        then, before = self._measured or (now, 0.0)
        used = cpu - before if cpu >= before else cpu
        self._worked += used
        if now > then:
            fade = math.exp((then - now) / _LOAD_SECONDS)
            self.busy = self.busy * fade + used / (now - then) * (1 - fade)
        self._measured = now, cpu

    def work_to_come(self) -> float:
        """Seconds of processor time of this host that it will probably still use."""
        passed = self._done - self._first
        return (self._worked - (self._worked_before if passed else 0.0)) * self._share(passed)

    def _share(self, passed: int) -> float:
        return (self._total - self._done) / passed if passed else _LIKE_BEFORE

    def to_come(self) -> tuple[Read, ...]:
        """What it will probably still read."""
        passed = self._done - self._first
        share = self._share(passed)
        before = self._before if passed else {}
        return tuple(
            _read(path, _since(amount, before.get(path, _Amount())), share)
            for path, amount in self._places.items()
        )

    def so_far(self) -> tuple[Read, ...]:
        """What it has read."""
        return tuple(_read(path, amount, 1.0) for path, amount in self._places.items())


def _since(amount: _Amount, before: _Amount) -> _Amount:
    return _Amount(amount.size - before.size, amount.files - before.files)


def _read(path: str, amount: _Amount, share: float) -> Read:
    trips = int(amount.files * _TRIPS_A_FILE * share)
    return Read(path.partition(":")[0], path, int(amount.size * share), trips)
