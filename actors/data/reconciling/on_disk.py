"""Where on this disk things are, by the base: which path shows a file or a folder now.

One thing may be at several paths at once, as a version and its conflict copies, or what was put
aside and what took its place: of those, what has a name of its own goes first.
"""

from __future__ import annotations

from simulacra.actors.data.entries import ROOT, Path
from simulacra.actors.data.reconciling.copy_names import is_aside
from simulacra.actors.data.reconciling.index import Index, Row
from simulacra.actors.data.reconciling.records import ROOT_ID, FileId


def source_of(row: Row, index: Index) -> tuple[Path, Row] | None:
    """Where on disk something is that should be elsewhere."""
    found = [(at, other) for at, other in index.paths(row.id) if can_become(other, row)]
    return min(found, key=lambda each: (is_aside(each[0]), each[0]), default=None)


def path_of(folder: FileId, index: Index) -> Path | None:
    """Where a folder is on disk."""
    if folder == ROOT_ID:
        return ROOT
    found = [at for at, row in index.paths(folder) if row.is_folder]
    return min(found, key=lambda at: (is_aside(at), at), default=None)


def can_become(here: Row, row: Row) -> bool:
    """Whether one thing on disk can be changed into another."""
    return here.identity == row.identity and here.is_folder == row.is_folder


def folder_at(path: Path, index: Index) -> FileId | None:
    """The id of the folder at a path."""
    if path == ROOT:
        return ROOT_ID
    row = index.row(path)
    return row.id if row is not None and row.is_folder else None
