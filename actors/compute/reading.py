"""What a computation reads, as it goes: measured, and how much is probably still to come."""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.actors.compute.placement import Read

_LIKE_BEFORE = 1.0
"""Where no loop says how far it is: as much again as was read so far."""


@dataclass(slots=True)
class _Place:
    size: int = 0
    opened: int = 0


class Reading:
    """The bytes that one computation opened, by ``host:folder``."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._done = 0
        self._total = 0

    def read(self, path: str, size: int, files: int = 1) -> None:
        """It opened so many files of together ``size`` bytes below ``path``."""
        place = self._places.setdefault(path, _Place())
        place.size += size
        place.opened += files

    def progressed(self, done: int, total: int) -> None:
        """Its loop is so far."""
        self._done, self._total = done, total

    def to_come(self) -> tuple[Read, ...]:
        """What it will probably still read: in proportion to what its loop has before it."""
        share = (self._total - self._done) / self._done if self._done else _LIKE_BEFORE
        return tuple(
            Read(
                path.partition(":")[0],
                path,
                int(place.size * share),
                max(1, round(place.opened * share)),
            )
            for path, place in self._places.items()
        )

    def so_far(self) -> tuple[Read, ...]:
        """What it has read."""
        return tuple(
            Read(path.partition(":")[0], path, place.size, place.opened)
            for path, place in self._places.items()
        )
