"""The logs of all origins that a replica holds, and what another replica lacks of them.

Two replicas compare the digests of their logbooks first, then where their logs are (`vectors`), and
only of logs that differ are parts told (`origins`). Whoever is behind in a log asks for what it
lacks; nobody is told what it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulacra.actors.cluster import vectors
from simulacra.actors.cluster.facts import Origin
from simulacra.actors.cluster.origins import NOTHING, Log, Mark, Part, Taken
from simulacra.actors.cluster.vectors import Digest, Vector


class Logbook:
    """See the module.

    Args:
        logs: what was kept on disk.
    """

    def __init__(self, logs: Iterable[Log]) -> None:
        self._logs = {log.origin: log for log in logs}
        self._digest: Digest | None = None

    def __iter__(self) -> Iterator[Log]:
        return iter(self._logs.values())

    def of(self, origin: Origin) -> Log:
        """An origin's log; one without facts, which is not entered, where there is none."""
        log = self._logs.get(origin)
        return Log(origin) if log is None else log

    def take(self, part: Part) -> Taken:
        """Merge a part that is verified and has no gap before it."""
        self._digest = None
        return self._logs.setdefault(part.origin, Log(part.origin)).take(part)

    # -- comparing

    @property
    def vector(self) -> Vector:
        """Where each log is."""
        return {origin: log.mark for origin, log in self._logs.items()}

    @property
    def digest(self) -> Digest:
        """The hashes of the vector."""
        if self._digest is None:
            self._digest = vectors.digest(self.vector)
        return self._digest

    def marks(self, origins: Iterable[Origin]) -> Vector:
        """Where the logs of some origins are."""
        return {origin: self._mark(origin) for origin in origins}

    def behind(self, vector: Vector) -> Vector:
        """Where those logs are of which another logbook with this vector has more."""
        return {
            origin: mark
            for origin, mark in self.marks(vector).items()
            if mark != vector[origin] and mark.n <= vector[origin].n
        }

    def parts_for(self, vector: Vector) -> Iterator[Part]:
        """What another logbook lacks, of the origins in its vector."""
        for origin, mark in vector.items():
            log = self._logs.get(origin)
            part = None if log is None else log.after(mark)
            if part is not None:
                yield part

    def _mark(self, origin: Origin) -> Mark:
        log = self._logs.get(origin)
        return NOTHING if log is None else log.mark
