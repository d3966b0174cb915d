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

What is to be on this disk at all, `policy` says.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from simulacra.actors.data.entries import (
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
from simulacra.actors.data.reconciling.on_disk import can_become, path_of, source_of
from simulacra.actors.data.reconciling.placing import depth, folder_of
from simulacra.actors.data.reconciling.policy import ALL, Policy, in_order, wanted
from simulacra.actors.data.reconciling.projecting import Listings, is_shown
from simulacra.actors.data.reconciling.records import ROOT_ID, FileId, Record

_Shown = dict[FileId, set[Hashable]]
"""The identities of what a folder should show; of one folder."""


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
    path = path_of(folder, index)
    if path is None:
        return True
    names = (listings or Listings(index)).of(folder)
    should, held = wanted(path, names, policy)
    rows = {name(at): row for at, row in index.rows_in(path)}
    return (
        not held and rows.keys() == should.keys() and all(rows[at].says(should[at]) for at in rows)
    )


# -- bringing what should be there


def _fill(folder: FileId, index: Index, policy: Policy, listings: Listings) -> Iterator[Action]:
    """Bring what should be in a folder, and in those that have to be made for it."""
    pending = [folder]
    while pending:
        folder = pending.pop()
        path = path_of(folder, index)
        if path is None:
            continue
        should, _ = wanted(path, listings.of(folder), policy)
        for at, row in in_order(should):
            for action in _bring(join(path, at), row, index, listings):
                yield action
                if isinstance(action, MakeFolder):
                    pending.append(row.id)


def _bring(path: Path, row: Row, index: Index, listings: Listings) -> Iterator[Action]:
    """Bring a path to show what it should."""
    here = index.row(path)
    if here is not None and not can_become(here, row):
        yield _make_way(path, here, row, index, listings)
        if index.row(path) is not None:
            return
        here = None
    if here is None:
        source = source_of(row, index)
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


def _make_way(path: Path, here: Row, row: Row, index: Index, listings: Listings) -> Action:
    if not here.is_folder and (here.id == row.id or not _is_known(here, index, listings)):
        return Remove(path, here.entry)
    identity = here.id + repr((here.copy, here.is_folder)).encode()
    return Move(path, join(parent(path), aside_name(identity)), here.entry)


# -- taking away what should not


def _clear(folder: FileId, index: Index, policy: Policy, listings: Listings) -> Iterator[Action]:
    """Take away what is in a folder and belongs nowhere."""
    path = path_of(folder, index)
    if path is None:
        return
    should, _ = wanted(path, listings.of(folder), policy)
    shown: _Shown = {folder: {each.identity for each in should.values()}}
    for at, row in list(index.rows_in(path)):
        right = should.get(name(at))
        if right is None or right.identity != row.identity:
            yield from _remove(at, index, policy, listings, shown)


def _remove(
    path: Path, index: Index, policy: Policy, listings: Listings, shown: _Shown
) -> Iterator[Action]:
    """Take something away with all in it, but for what is to be moved."""
    pending = [(path, False)]
    while pending:
        at, emptied = pending.pop()
        row = index.row(at)
        if row is None or _stays(at, row, index, policy, listings, shown):
            continue
        if not emptied:
            pending.append((at, True))
            pending.extend((below, False) for below, _ in index.rows_in(at))
        elif next(iter(index.rows_in(at)), None) is None:
            yield Remove(at, row.entry)


def _stays(
    path: Path, row: Row, index: Index, policy: Policy, listings: Listings, shown: _Shown
) -> bool:
    """Whether something is to be moved elsewhere yet."""
    others = (at for at, other in index.paths(row.id) if other.identity == row.identity)
    if any(at != path and not is_aside(at) for at in others):
        return False
    record = index.record(row.id)
    if record is None or not _is_known(row, index, listings):
        return False
    folder = folder_of(record, index)
    if path_of(folder, index) == parent(path) and not is_aside(path):
        if folder not in shown:
            should, _ = wanted(parent(path), listings.of(folder), policy)
            shown.clear()  # one folder after the other is gone through
            shown[folder] = {each.identity for each in should.values()}
        return row.identity in shown[folder]
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
