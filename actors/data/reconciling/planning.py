"""From what is known to what is to be done on disk, folder by folder.

`plan` gives one action at a time, and decides on the next from the base as it is then: so an action
that failed is simply not built upon, and nothing is planned ahead.

1. Folders are brought in order from the root down, so that whatever is to be put in one finds it in
   its place: also when two folders change places, or a folder comes to be in what was in it.
2. What is in the way of something goes aside, under a name of its own in the same folder, unless it
   is a file that is to go anyway. So moves in a circle need no order.
3. What is elsewhere on disk is moved; what is nowhere is made. A folder that was made is filled.
   Conflict copies come first: so a content is never only among the kept versions.
4. At the end, from the bottom up, goes what belongs nowhere. What still has to be moved stays, and
   so does the folder that it is in.

A folder is *dirty* from the moment that something about it became known until its base is what it
should be (`is_settled`). Dirty folders are kept beside the records, and planned work is not.

What is not *wanted* here (partial followers) is known and not on disk; what was there goes, if the
base knows it. Names that differ only in case or in Unicode form exclude each other where the file
system folds them: the one that was there first has the place and the other is held back.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from simulacra.actors.data.entries import (
    ROOT,
    Content,
    Entry,
    Kind,
    Path,
    is_below,
    join,
    name,
    parent,
)
from simulacra.actors.data.reconciling.actions import (
    Action,
    MakeFolder,
    Move,
    Note,
    Put,
    Remove,
    SetAttributes,
)
from simulacra.actors.data.reconciling.copy_names import aside_name, is_aside
from simulacra.actors.data.reconciling.index import Index, Row
from simulacra.actors.data.reconciling.placing import depth, folder_of
from simulacra.actors.data.reconciling.projecting import Listing, Listings, is_shown
from simulacra.actors.data.reconciling.records import ROOT_ID, FileId, Record


def _everything(_path: Path, _entry: Entry) -> bool:
    return True


def _unknown(_path: Path, _names: Collection[bytes]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Policy:
    """What of a tree is to be on this disk.

    Attributes:
        wanted: whether a path with this entry is. It must be while this host has the only copy.
        wants_all: whether all of a folder is, by its path and its names; False if nobody can say
            without asking of each.
        folds: whether the file system takes names for one that differ in case or Unicode form.
        modes: whether it keeps permission bits.
    """

    wanted: Callable[[Path, Entry], bool] = _everything
    wants_all: Callable[[Path, Collection[bytes]], bool] = _unknown
    folds: bool = False
    modes: bool = True


ALL = Policy()


@dataclass(frozen=True, slots=True)
class Held:
    """Something that is known and wanted, and cannot be here.

    Attributes:
        path: where it should be.
        row: what.
        reason: why it is not.
    """

    path: Path
    row: Row
    reason: str


def plan(
    dirty: Iterable[FileId], index: Index, policy: Policy = ALL, listings: Listings | None = None
) -> Iterator[Action]:
    """What is to be done for some folders; each action from the base as it is when it is asked for.

    An action that was done must be told to the base (see `actions.done`) before the next is drawn;
    but a `Put` before the next `Move` or `Remove` at the latest, and may be drawn once more until
    then. The records stay as they are meanwhile.
    """
    listings = listings or Listings(index)
    depths = {folder: depth(folder, index) for folder in dirty}
    known = [(steps, folder) for folder, steps in depths.items() if steps is not None]
    order = [folder for _, folder in sorted(known)]
    for folder in order:
        yield from _fill(folder, index, policy, listings)
    for folder in reversed(order):
        yield from _clear(folder, index, policy, listings)


def is_settled(
    folder: FileId, index: Index, policy: Policy = ALL, listings: Listings | None = None
) -> bool:
    """Whether the base of a folder is what it should be; so it is if the folder is not on disk.

    While anything is held back it is not.
    """
    if depth(folder, index) is None:
        return False
    path = _path(folder, index)
    if path is None:
        return True
    names = (listings or Listings(index)).of(folder)
    should, held = wanted(path, names, policy)
    rows = {name(at): row for at, row in index.rows_in(path)}
    return (
        not held and rows.keys() == should.keys() and all(rows[at].says(should[at]) for at in rows)
    )


def held_back(
    dirty: Iterable[FileId], index: Index, policy: Policy, listings: Listings
) -> Iterator[Held]:
    """What of some folders cannot be on this disk."""
    for folder in dirty if policy.folds else ():
        path = _path(folder, index)
        if path is not None:
            yield from wanted(path, listings.of(folder), policy)[1]


def wanted(path: Path, names: Listing, policy: Policy) -> tuple[Listing, list[Held]]:
    """What of a folder's listing is to be on this disk, and what of that is held back."""
    chosen = names
    if policy.wanted is not _everything and not policy.wants_all(path, names):
        chosen = {at: row for at, row in names.items() if policy.wanted(join(path, at), row.entry)}
    if not policy.folds:
        return chosen, []
    first: Listing = {}
    held: list[Held] = []
    taken: dict[str, bytes] = {}
    for at in sorted(chosen, key=lambda at: (chosen[at].copy is not None, chosen[at].id)):
        other = taken.setdefault(fold(at), at)
        if other == at:
            first[at] = chosen[at]
        else:
            shown = other.decode("utf-8", "replace")
            reason = f"this file system takes its name for that of {shown!r}: rename one of them"
            held.append(Held(join(path, at), chosen[at], reason))
    return first, held


def fold(name: bytes) -> str:
    """A name as a file system has it that minds neither case nor Unicode form."""
    text = name.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


# -- bringing what should be there


def _fill(folder: FileId, index: Index, policy: Policy, listings: Listings) -> Iterator[Action]:
    """Bring what should be in a folder, and in those that have to be made for it."""
    pending = [folder]
    while pending:
        folder = pending.pop()
        path = _path(folder, index)
        if path is None:
            continue
        should, _ = wanted(path, listings.of(folder), policy)
        for at, row in _in_order(should):
            for action in _bring(join(path, at), row, index, listings):
                yield action
                if isinstance(action, MakeFolder):
                    pending.append(row.id)


def _in_order(should: Listing) -> list[tuple[bytes, Row]]:
    """What should be in a folder, conflict copies first."""
    return sorted(should.items(), key=lambda each: each[1].copy is None)


def _bring(path: Path, row: Row, index: Index, listings: Listings) -> Iterator[Action]:
    """Bring a path to show what it should."""
    here = index.row(path)
    if here is not None and not _becomes(here, row):
        yield _make_way(path, here, row, index, listings)
        if index.row(path) is not None:
            return
        here = None
    if here is None:
        source = _source(row, index)
        if source is None:
            yield MakeFolder(path, row) if row.is_folder else Put(path, row, None)
            return
        at, there = source
        if is_below(path, at):
            return
        yield Move(at, path, there.entry)
        here = index.row(path)
    if here is None or here.says(row):
        return
    if here.entry.content != row.entry.content:
        yield Put(path, row, here.entry)
    elif here.entry != row.entry:
        yield SetAttributes(path, row, here.entry)
    else:
        yield Note(path, row)


def _becomes(here: Row, row: Row) -> bool:
    """Whether one thing on disk can be changed into another."""
    return here.identity == row.identity and here.is_folder == row.is_folder


def _make_way(path: Path, here: Row, row: Row, index: Index, listings: Listings) -> Action:
    if not here.is_folder and (here.id == row.id or not _is_known(here, index, listings)):
        return Remove(path, here.entry)
    identity = here.id + repr((here.copy, here.is_folder)).encode()
    return Move(path, join(parent(path), aside_name(identity)), here.entry)


def _source(row: Row, index: Index) -> tuple[Path, Row] | None:
    """Where on disk something is that should be elsewhere."""
    found = [(at, other) for at, other in index.paths(row.id) if _becomes(other, row)]
    return min(found, key=lambda each: (is_aside(each[0]), each[0]), default=None)


def _path(folder: FileId, index: Index) -> Path | None:
    """Where a folder is on disk."""
    if folder == ROOT_ID:
        return ROOT
    found = [at for at, row in index.paths(folder) if row.is_folder]
    return min(found, key=lambda at: (is_aside(at), at), default=None)


# -- taking away what should not


def _clear(folder: FileId, index: Index, policy: Policy, listings: Listings) -> Iterator[Action]:
    """Take away what is in a folder and belongs nowhere."""
    path = _path(folder, index)
    if path is None:
        return
    should, _ = wanted(path, listings.of(folder), policy)
    for at, row in list(index.rows_in(path)):
        right = should.get(name(at))
        if right is None or right.identity != row.identity:
            yield from _remove(at, index, policy, listings)


def _remove(path: Path, index: Index, policy: Policy, listings: Listings) -> Iterator[Action]:
    """Take something away with all in it, but for what is to be moved."""
    pending = [(path, False)]
    while pending:
        at, emptied = pending.pop()
        row = index.row(at)
        if row is None or _stays(at, row, index, policy, listings):
            continue
        if not emptied:
            pending.append((at, True))
            pending.extend((below, False) for below, _ in index.rows_in(at))
        elif next(iter(index.rows_in(at)), None) is None:
            yield Remove(at, row.entry)


def _stays(path: Path, row: Row, index: Index, policy: Policy, listings: Listings) -> bool:
    """Whether something is to be moved elsewhere yet."""
    others = (at for at, other in index.paths(row.id) if other.identity == row.identity)
    if any(at != path and not is_aside(at) for at in others):
        return False
    record = index.record(row.id)
    if record is None or not _is_known(row, index, listings):
        return False
    folder = folder_of(record, index)
    if _path(folder, index) == parent(path) and not is_aside(path):
        should, _ = wanted(parent(path), listings.of(folder), policy)
        return any(each.identity == row.identity for each in should.values())
    return policy.wanted(_known_path(record, index), row.entry)


def _is_known(row: Row, index: Index, listings: Listings) -> bool:
    """Whether what a row shows is to be seen anywhere."""
    record = index.record(row.id)
    if record is None:
        return False
    if row.copy is None:
        return is_shown(record, index)
    shown = listings.of(folder_of(record, index))
    return any(each.identity == row.identity for each in shown.values())


def _known_path(record: Record, index: Index) -> Path:
    """Where something is by the names that its folders were given."""
    path = record.location.value.name
    folder = folder_of(record, index)
    while folder != ROOT_ID:
        above = index.record(folder)
        if above is None:
            break
        path = join(above.location.value.name, path)
        folder = folder_of(above, index)
    return path


# -- what of it has bytes


def missing(
    dirty: Iterable[FileId], index: Index, policy: Policy, listings: Listings
) -> Iterator[Content]:
    """Contents of files that `plan` is going to put, about in its order.

    It may be drawn while what was planned is done, as long as it is ahead of that.
    """
    depths = {folder: depth(folder, index) for folder in dirty}
    order = sorted((steps, folder) for folder, steps in depths.items() if steps is not None)
    for _, folder in order:
        path = _path(folder, index)
        pending = [] if path is None else [(path, folder)]
        while pending:
            at, each = pending.pop()
            for entry, row in _in_order(wanted(at, listings.of(each), policy)[0]):
                content = row.entry.content
                here = index.row(join(at, entry))
                if row.is_folder and here is None and _source(row, index) is None:
                    pending.append((join(at, entry), row.id))
                elif content.kind is Kind.FILE and _lacks(here, row, index):
                    yield content


def _lacks(here: Row | None, row: Row, index: Index) -> bool:
    """Whether the bytes that a row shows are to be put."""
    if here is not None and _becomes(here, row):
        return here.entry.content != row.entry.content
    source = _source(row, index)
    return source is None or source[1].entry.content != row.entry.content
