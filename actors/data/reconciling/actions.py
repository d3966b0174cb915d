"""What is to be done on disk, and what the base says afterwards.

Each action names what it expects at its path: whoever does it compares, and leaves alone what is
not as expected, since that is an edit that nobody has seen yet. Then nothing is changed in the base
either, and the next scan brings it. What was done is told to the base by `done`; if nobody knows of
it after a crash, the next scan finds on disk what is known, and takes it as done.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.actors.data.entries import Entry, Fingerprint, Path
from simulacra.actors.data.reconciling.index import Base, Row


@dataclass(frozen=True, slots=True)
class Put:
    """Put a file or a link in place, new or instead of another one.

    Attributes:
        path: where.
        row: what.
        expected: what is there; None for nothing.
    """

    path: Path
    row: Row
    expected: Entry | None


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """Make a folder where nothing is.

    Attributes:
        path: where.
        row: with what attributes.
    """

    path: Path
    row: Row


@dataclass(frozen=True, slots=True)
class SetAttributes:
    """Change the attributes alone.

    Attributes:
        path: of what.
        row: what it is then.
        expected: what is there.
    """

    path: Path
    row: Row
    expected: Entry


@dataclass(frozen=True, slots=True)
class Move:
    """Move what is at a path, a folder with all in it, to where nothing is.

    Attributes:
        source: from where.
        path: to where.
        expected: what is at the source.
    """

    source: Path
    path: Path
    expected: Entry


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file, a link, or an empty folder; what it held stays among the kept versions.

    Attributes:
        path: what.
        expected: what is there.
    """

    path: Path
    expected: Entry


@dataclass(frozen=True, slots=True)
class Note:
    """The disk is right as it is; only the base is to be told.

    Attributes:
        path: where.
        row: what it shows.
    """

    path: Path
    row: Row


Action = Put | MakeFolder | SetAttributes | Move | Remove | Note


def done(action: Action, base: Base, fingerprint: Fingerprint | None = None) -> None:
    """Tell the base what was done, with what `stat` says of the path now."""
    if isinstance(action, Move):
        base.move_rows(action.source, action.path)
    elif isinstance(action, Remove):
        base.drop_row(action.path)
    elif isinstance(action, Note):
        before = base.row(action.path)
        same = before.fingerprint if before is not None else None
        base.set_row(action.path, action.row.at(same))
    else:
        base.set_row(action.path, action.row.at(fingerprint))
