"""What a person asks of a tree, from any host: the messages, and how they are answered.

====================  ============================================================================
message               is answered
====================  ============================================================================
`ListConflicts`       at once, from what was committed, whatever the tree is busy with
`CountConflicts`      at once, likewise
`ShowFile`            at once, likewise
`Settle`              in the tree's thread, between two rounds
`ListVersions`        likewise
`RestoreVersion`      likewise
====================  ============================================================================

Answers are plain data. What cannot be done is a `ValueError` that says why, since that goes between
hosts as it is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.content.text_merge import LARGEST
from simulacra.actors.data.content.version_catalogue import Version as Kept
from simulacra.actors.data.content.versions import VersionsError
from simulacra.actors.data.entries import Entry, Kind, Path, is_below
from simulacra.actors.data.reconciling.conflicts import Conflict, SettleError
from simulacra.actors.data.reconciling.contested import at, find
from simulacra.actors.data.reconciling.dots import Dot, Replica
from simulacra.actors.data.reconciling.projecting import sides
from simulacra.actors.data.reconciling.records import Version
from simulacra.actors.data.scanning.ignoring import Choice as Selection
from simulacra.actors.data.scanning.ignoring import Rules
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.restoring import RestoreError
from simulacra.actors.data.trees.settling import Choice, TakeBoth, TakeContent, TakeSide
from simulacra.actors.runtime.wire_types import register

MOST: Final = 1000
"""Conflicts, or versions, that are listed at a time."""


@register("tree.conflicts")
@dataclass(frozen=True, slots=True)
class ListConflicts:
    """Which conflicts are there? Answered with a list by path, `MOST` at most.

    Attributes:
        skip: how many of the first ones are not wanted.
        path: only those that have this path, as their own or as that of a copy; None for all.
    """

    skip: int = 0
    path: bytes | None = None


@register("tree.conflicts_count")
@dataclass(frozen=True, slots=True)
class CountConflicts:
    """How many conflicts are there? Answered with a number."""


@register("tree.file")
@dataclass(frozen=True, slots=True)
class ShowFile:
    """How is what is at a path? Answered with a map."""

    path: bytes


@register("tree.settle")
@dataclass(frozen=True, slots=True)
class Settle:
    """Settle a conflict.

    Attributes:
        path: where it is.
        sides: what was listed, (host, incarnation, n) each.
        side: which to take; None for a content, or for both.
        content: what to put in place of all, up to `LARGEST` bytes; None for both.
    """

    path: bytes
    sides: list[Any]
    side: list[Any] | None = None
    content: bytes | None = None


@register("tree.versions")
@dataclass(frozen=True, slots=True)
class ListVersions:
    """Which versions of a path are kept? Of the whole tree for an empty one, the newest first."""

    path: bytes


@register("tree.restore")
@dataclass(frozen=True, slots=True)
class RestoreVersion:
    """Put a version back.

    Attributes:
        path: of which path.
        number: which; the newest for None.
        to: where to; where it was for None.
    """

    path: bytes
    number: int | None = None
    to: bytes | None = None


Reading = ListConflicts | CountConflicts | ShowFile
Doing = Settle | ListVersions | RestoreVersion


# -- in the thread that answers


@dataclass(frozen=True, slots=True)
class Here:
    """What a host says of its copy.

    Attributes:
        place: where it is.
        choice: what is wanted of the tree.
        reasons: why some paths are not as they should be.
    """

    place: Place
    choice: Selection
    reasons: Mapping[Path, str]


def read(reader: JournalReader, here: Here, question: Reading) -> Any:
    """Answer from what was committed."""
    with reader.at_once():
        match question:
            case ListConflicts(skip, path):
                found = find(reader.contested(), reader)
                wanted = (each for each in found if path in {None, each.path, *each.copies})
                return [_conflict(each) for each in islice(wanted, skip, skip + MOST)]
            case CountConflicts():
                return sum(1 for _ in find(reader.contested(), reader))
            case ShowFile(path):
                return _file(reader, here, path)


def _conflict(conflict: Conflict) -> dict[str, Any]:
    others = len(conflict.sides) - len(conflict.copies)
    names = [conflict.path] * others + list(conflict.copies)
    return {
        "path": conflict.path,
        "kind": conflict.kind.value,
        "sides": [
            {"name": name, **_side(version)}
            for name, version in zip(names, conflict.sides, strict=True)
        ],
    }


def _side(version: Version) -> dict[str, Any]:
    return {
        "host": version.dot.replica.host,
        "dot": [*version.dot.replica, version.dot.n],
        "time": version.event.stamp.ms / 1000,
        "size": version.content.size,
        "kind": version.content.kind.value,
    }


def _file(reader: JournalReader, here: Here, path: Path) -> dict[str, Any]:
    shown, row = at(path, reader), reader.row(path)
    record = reader.record(shown.row.id) if shown is not None else None
    known = [] if record is None else [_side(side.latest) for side in sides(record)]
    wanted = None if shown is None else shown.row.entry
    return {
        "known": known,
        "wanted": _entry(wanted),
        "chosen": _is_chosen(path, wanted, here.choice),
        "synced": _entry(row.entry if row is not None else None),
        "on_disk": _on_disk(here.place, path),
        "reason": _reason(path, here.reasons),
    }


def _is_chosen(path: Path, entry: Entry | None, choice: Selection) -> bool:
    is_folder = entry is not None and entry.content.kind is Kind.FOLDER
    size = 0 if entry is None else entry.content.size
    is_small = choice.largest is None or size <= choice.largest
    return is_small and not Rules(choice).ignore_way(path, folder=is_folder)


def _entry(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    content = entry.content
    return {"kind": content.kind.value, "size": content.size, "digest": content.digest.hex()}


def _on_disk(place: Place, path: Path) -> dict[str, Any] | None:
    try:
        status = os.lstat(os.path.join(os.fsencode(place.root), path))  # noqa: PTH118 - bytes
    except OSError:
        return None
    return {"size": status.st_size, "time": status.st_mtime}


def _reason(path: Path, reasons: Mapping[Path, str]) -> str:
    """Why it is not as it should be: its own reason, or that of a folder it is in."""
    return next((why for each, why in reasons.items() if each == path or is_below(path, each)), "")


# -- in the tree's thread


def do(tree: LocalTree, question: Doing) -> Any:
    """Do it.

    Raises:
        ValueError: it cannot be done; the text says why.
    """
    try:
        match question:
            case Settle(path, shown, _, _):
                tree.settler.settle(path, [_dot(each) for each in shown], _choice(question))
                return None
            case ListVersions(path):
                found = tree.versions.of(path) if path else tree.versions.latest(MOST)
                return [_kept(each) for each in found[:MOST]]
            case RestoreVersion(path, number, to):
                restored = tree.restorer.restore(path, number, to)
                return {
                    **_kept(restored.version),
                    "to": restored.path,
                    "exact": restored.exact,
                }
    except (SettleError, RestoreError, RefusedError, VersionsError) as error:
        raise ValueError(str(error)) from error


def _choice(question: Settle) -> Choice:
    if question.side is not None:
        return TakeSide(_dot(question.side))
    if question.content is None:
        return TakeBoth()
    if len(question.content) > LARGEST:
        raise SettleError(f"more than {LARGEST} bytes are put in place by hand")
    return TakeContent(question.content)


def _dot(plain: Iterable[Any]) -> Dot:
    host, incarnation, n = plain
    return Dot(Replica(host, incarnation), n)


def _kept(version: Kept) -> dict[str, Any]:
    return {
        "number": version.number,
        "path": version.path,
        "time": version.at_ns / 1e9,
        "age": time.time() - version.at_ns / 1e9,
        "size": version.entry.content.size,
        "kind": version.entry.content.kind.value,
    }
