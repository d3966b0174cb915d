"""Which contents should be on this disk and are not: what `plan` is going to put.

They have to come from elsewhere, and may be nowhere but among the versions that are kept here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulacra.actors.data.entries import Content, Kind, join
from simulacra.actors.data.reconciling.index import Index, Row
from simulacra.actors.data.reconciling.on_disk import can_become, path_of, source_of
from simulacra.actors.data.reconciling.placing import depth
from simulacra.actors.data.reconciling.policy import Policy, in_order, wanted
from simulacra.actors.data.reconciling.projecting import Listings
from simulacra.actors.data.reconciling.records import FileId


def missing(
    dirty: Iterable[FileId], index: Index, policy: Policy, listings: Listings
) -> Iterator[Content]:
    """Contents of files that `plan` is going to put, about in its order.

    It may be drawn while what was planned is done, as long as it is ahead of that.
    """
    depths = {folder: depth(folder, index) for folder in dirty}
    order = sorted((steps, folder) for folder, steps in depths.items() if steps is not None)
    for _, folder in order:
        path = path_of(folder, index)
        pending = [] if path is None else [(path, folder)]
        while pending:
            at, each = pending.pop()
            for entry, row in in_order(wanted(at, listings.of(each), policy)[0]):
                here = index.row(join(at, entry))
                if not row.is_folder:
                    if row.entry.content.kind is Kind.FILE and _lacks(here, row, index):
                        yield row.entry.content
                elif (here is None or not can_become(here, row)) and source_of(row, index) is None:
                    pending.append((join(at, entry), row.id))


def _lacks(here: Row | None, row: Row, index: Index) -> bool:
    """Whether the bytes that a row shows are to be put."""
    if here is not None and can_become(here, row):
        return here.entry.content != row.entry.content
    source = source_of(row, index)
    return source is None or source[1].entry.content != row.entry.content
