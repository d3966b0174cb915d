"""How a copy of a tree stands to the others, read from its journal by any thread.

`forecast` asks another host for what it knows and says what will become of both; `missing` says
what is known here and not on the disk yet; `clashes` lists what has several contents now.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from simulacra.actors.data.entries import Kind, Path
from simulacra.actors.data.reconciling.dots import Context, Replica
from simulacra.actors.data.reconciling.foretelling import Forecast, foretell, path_of
from simulacra.actors.data.reconciling.projecting import sides
from simulacra.actors.data.reconciling.records import Record
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.packing import Heard
from simulacra.actors.data.trees.place import Place


@dataclass(frozen=True, slots=True)
class Missing:
    """What is known of a tree and not on this disk yet.

    Attributes:
        files: how many files.
        size: their bytes.
    """

    files: int = 0
    size: int = 0


def forecast(place: Place, remote: RemoteTree) -> Forecast:
    """What will become of this copy and another host's when they meet.

    Raises:
        MissingError: the other does not answer, or the journal cannot be read.
    """
    heard: list[Record] = []
    vectors: list[Context] = []

    def take(
        replica: Replica, records: Iterable[Heard], n: int, vector: Context | None = None
    ) -> int:
        heard.extend(record for record, _ in records)
        cursors.move(replica, n)
        vectors.extend([] if vector is None else [vector])
        return 0

    with _reader(place) as reader:
        cursors = _Cursors(reader.cursors())
        remote.pull(cursors.incarnation(remote.host), cursors, take)
        return foretell(reader.records(), reader.record, heard, vectors[-1])


def missing(place: Place) -> Missing:
    """See `Missing`; for a copy that wants all of its tree.

    Raises:
        MissingError: the journal cannot be read.
    """
    files = size = 0
    with _reader(place) as reader:
        for record in reader.records():
            for side in sides(record):
                content = side.latest.content
                if content.kind is Kind.FILE and not reader.shows(record.id, content.digest):
                    files += 1
                    size += content.size
    return Missing(files, size)


def clashes(place: Place) -> list[Path]:
    """The paths of what has several contents now.

    Raises:
        MissingError: the journal cannot be read.
    """
    with _reader(place) as reader:
        found = (each for each in reader.records() if len(sides(each)) > 1)
        return sorted(path_of(each, reader.record) for each in found)


class _Cursors:
    """How far another's journal was heard, moved on by what was pulled and is not kept."""

    def __init__(self, cursors: dict[Replica, int]) -> None:
        self._cursors = cursors

    def __call__(self, replica: Replica) -> int:
        return self._cursors.get(replica, 0)

    def incarnation(self, host: str) -> int:
        """The latest that was heard of a host's; 0 without one."""
        return max((each.incarnation for each in self._cursors if each.host == host), default=0)

    def move(self, replica: Replica, n: int) -> None:
        """All up to a number was pulled."""
        self._cursors[replica] = n


@contextmanager
def _reader(place: Place) -> Iterator[JournalReader]:
    try:
        with closing(JournalReader(place.journal)) as reader:
            yield reader
    except sqlite3.Error as error:
        raise MissingError(f"the journal of {place.root} cannot be read: {error}") from error
