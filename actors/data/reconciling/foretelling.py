"""What will become of two copies of a tree when they meet: pure, and nothing is changed by it.

A record goes *up* if the other copy has not heard all of it, and comes *down* if what was heard of
the other is new here; both at once where both sides changed it. It is a *clash* if it has several
contents then and had not before: such a text may be merged yet, and everything else is kept beside
each other and listed.

What is counted is records: a file, a folder or a link that was made, edited or moved, or whose
attributes were changed, is *changed*; one that is deleted, and was there before, is *removed*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from simulacra.actors.data.entries import Path, join
from simulacra.actors.data.reconciling.dots import Context, includes
from simulacra.actors.data.reconciling.merging import merge
from simulacra.actors.data.reconciling.projecting import sides
from simulacra.actors.data.reconciling.records import ROOT_ID, FileId, Record, living

Lookup = Callable[[FileId], Record | None]

_DEEPEST = 1000


@dataclass(slots=True)
class Flow:
    """What goes one way.

    Attributes:
        changed: how many records were made, edited, moved, or have other attributes.
        removed: how many were deleted.
        size: bytes of contents that the other side has not under the same record.
    """

    changed: int = 0
    removed: int = 0
    size: int = 0


@dataclass(slots=True)
class Forecast:
    """See the module.

    Attributes:
        up: what the other copy has not.
        down: what this one has not.
        clashes: the paths of what both sides gave another content.
    """

    up: Flow = field(default_factory=Flow)
    down: Flow = field(default_factory=Flow)
    clashes: list[Path] = field(default_factory=list)


def foretell(
    mine: Iterable[Record], known: Lookup, theirs: Iterable[Record], vector: Context
) -> Forecast:
    """What will become of two copies.

    Args:
        mine: all records of this copy, or those that may be new to the other.
        known: a record of this copy.
        theirs: the records of the other that may be new here.
        vector: all that the other has heard of.
    """
    forecast = Forecast()
    heard = {record.id: record for record in theirs}
    for record in mine:
        if not includes(vector, record.context):
            _count(forecast.up, heard.get(record.id), record)
    merged = {id: _merged(known(id), record) for id, record in heard.items()}  # noqa: A001

    def look(id: FileId) -> Record | None:  # noqa: A002
        return merged.get(id) or known(id)

    for id, record in merged.items():  # noqa: A001
        before = known(id)
        if record != before and (before is not None or record.alive):
            _count(forecast.down, before, record)
            if len(sides(record)) > max(1, len(sides(before)) if before is not None else 0):
                forecast.clashes.append(path_of(record, look))
    forecast.clashes.sort()
    return forecast


def path_of(record: Record, known: Lookup) -> Path:
    """Where a record says that it is; from the first folder on that is known."""
    path = record.location.value.name
    folder = record.location.value.folder
    for _ in range(_DEEPEST):
        above = None if folder == ROOT_ID else known(folder)
        if above is None:
            break
        path = join(above.location.value.name, path)
        folder = above.location.value.folder
    return path


def _merged(mine: Record | None, theirs: Record) -> Record:
    return theirs if mine is None else merge(mine, theirs)


def _count(flow: Flow, before: Record | None, after: Record) -> None:
    if after.alive:
        flow.changed += 1
        had = set() if before is None else {each.content.digest for each in before.versions}
        flow.size += sum(
            each.content.size for each in living(after) if each.content.digest not in had
        )
    elif before is None or before.alive:
        flow.removed += 1
