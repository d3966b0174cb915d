"""What was done on the disk, and the base does not say yet: told to the base after a kill.

The base is told of a batch of actions when all of it is on the disk for sure (`bringing`). A kill
before that leaves the disk ahead of the base: what a user then edits while no node runs would be in
conflict with what he has seen, and what he deletes would come back. So what is done is appended to
a file as well, without a wait for the disk: the kernel keeps it until the machine starts anew.

=============================  =================================================================
record                         says
=============================  =================================================================
``begin BOOT MARK``            what follows goes on from this base, see `Journal.mark`
``set PATH ROW LACKING``       a path shows a row now, without these extended attributes
``drop PATH``                  it shows nothing now
``move SOURCE PATH``           all at and below a path is at another one now
``plan FILES``                 files are about to be put in their places
``put N``                      the Nth of them, from 0, is in its place
``refused N``                  it is not, and what was staged is about to be thrown away
=============================  =================================================================

A file of the last plan that is not spoken of may be in its place or not. It is, if what is there
has its inode. That nothing has it under a temporary name says little: somebody may have cleaned up.
So one that was replaced before the next start is not known to have been brought.

After another start of the machine, or beside another base, nothing of it holds: what was done is
found by the next scan then, as something that is known to belong where it is.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Final

import msgpack

from simulacra.actors.boot import boot_id
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.gripping import look
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.applying.staging import Staged, sync_disk
from simulacra.actors.data.content.descriptors import write_at
from simulacra.actors.data.entries import Path, name, parent
from simulacra.actors.data.reconciling.actions import Action, Move, Put, Remove
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.packing import pack_row, unpack_row

logger = logging.getLogger(__name__)

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Set:
    path: Path
    row: Row
    lacking: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Drop:
    path: Path


@dataclass(frozen=True, slots=True)
class _Move:
    source: Path
    path: Path


Change = _Set | _Drop | _Move


class RedoLog:
    """See the module; used by one thread.

    What cannot be written to it is not: then a kill is as a start of the machine.

    Args:
        path: the file; made where there is none.
        journal: has the base.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: FilePath, journal: Journal) -> None:
        self._journal = journal
        self._file = os.open(path, _FLAGS, 0o600)
        self._end = os.fstat(self._file).st_size
        self._begun = False
        self._in_use = True
        self._planned: dict[bytes, int] = {}

    def close(self) -> None:
        """Let go of the file, which stays as it is."""
        os.close(self._file)

    # -- writing

    def did(self, action: Action, lacking: Sequence[bytes] = ()) -> None:
        """Something was done, other than putting what was planned."""
        if isinstance(action, Move):
            self._append(("move", action.source, action.path))
        elif isinstance(action, Remove):
            self._append(("drop", action.path))
        else:
            self._append(("set", action.path, pack_row(action.row), lacking))

    def plan(self, puts: Sequence[tuple[Put, Staged]]) -> None:
        """What is about to be put in its place, in this order."""
        self._planned = {staged.temporary: n for n, (_, staged) in enumerate(puts)}
        files = [
            (staged.fingerprint.inode, put.path, pack_row(put.row), staged.lacking)
            for put, staged in puts
        ]
        self._append(("plan", files))

    def put(self, staged: Staged) -> None:
        """Something of the plan is in its place."""
        self._append(("put", self._planned[staged.temporary]))

    def refused(self, staged: Staged) -> None:
        """Something is about to be thrown away, or stays where it was staged; it may be put yet."""
        n = self._planned.get(staged.temporary)
        if n is not None:
            self._append(("refused", n))

    def forget(self) -> None:
        """Begin anew: the base says all of it, or none of it holds."""
        if self._end:
            os.ftruncate(self._file, 0)
        self._end, self._begun, self._in_use = 0, False, True

    def _append(self, *records: tuple[Any, ...]) -> None:
        if not self._begun:
            self._begin()
        if not self._in_use:
            return
        try:
            self._write(records)
        except OSError as error:
            logger.warning("a kill would be taken for a start of the machine now: %s", error)
            self.forget()
            self._begun, self._in_use = True, False

    def _begin(self) -> None:
        self.forget()
        self._begun, boot = True, boot_id()
        self._in_use = bool(boot) and self._journal.commit_known()
        self._append(("begin", boot, self._journal.mark))

    def _write(self, records: Iterable[tuple[Any, ...]]) -> None:
        data = b"".join(map(msgpack.packb, records))
        write_at(self._file, [data], self._end)
        self._end += len(data)

    # -- after a kill

    def left(self, folders: Folders) -> list[Change]:
        """What was done and the base does not say, in order; to be called before `leftovers`.

        Args:
            folders: the tree.
        """
        try:
            records = self._read()
            if not records or records[0] != ("begin", boot_id(), self._journal.mark):
                return []
            return self._changes(records[1:], folders)
        except (ValueError, TypeError, IndexError, msgpack.UnpackException) as error:
            logger.warning("the record of what was done before a kill is damaged: %s", error)
            return []

    def _changes(self, records: Iterable[tuple[Any, ...]], folders: Folders) -> list[Change]:
        changes: list[Change] = []
        plan: Sequence[Any] = ()
        left: set[int] = set()
        for what, *rest in records:
            if what == "plan":
                plan = rest[0]
                left = set(range(len(plan)))
            elif what in {"put", "refused"}:
                left.discard(rest[0])
                if what == "put":
                    changes.append(_planned(plan[rest[0]]))
            else:
                changes.append(_change(what, rest))
        if left:
            changes += [_planned(plan[n]) for n in self._put_of(plan, sorted(left), folders)]
        return changes

    def _put_of(self, plan: Sequence[Any], left: Sequence[int], folders: Folders) -> list[int]:
        """Which files of a plan were put; noted, as what tells is cleared up then."""
        there = {n for n in left if _is_in_place(folders, *plan[n][:2])}
        records = [("put" if n in there else "refused", n) for n in left]
        try:
            self._write([*records, ("plan", ())])
        except OSError as error:
            logger.warning("what was done before a kill can be told to the base once: %s", error)
            self.forget()
        return sorted(there)

    def tell(self, changes: Sequence[Change], root: int) -> None:
        """Tell the base what was done, once it is on the disk.

        Args:
            changes: what was done.
            root: the descriptor of the tree's root.

        Raises:
            sqlite3.Error: the disk does not take it.
        """
        if not changes:
            self.forget()
            return
        try:
            sync_disk(root)
        except OSError as error:
            logger.warning("what was done before a kill may not be on the disk: %s", error)
            self.forget()
            return
        for change in changes:
            match change:
                case _Set(path, row, lacking):
                    before = self._journal.row(path)
                    if before is not None and before.entry == row.entry:
                        row = row.at(before.fingerprint)
                    self._journal.set_row(path, row)
                    if row.entry.attributes.xattrs:
                        self._journal.set_lacking(row.id, lacking)
                case _Drop(path):
                    self._journal.drop_row(path)
                case _Move(source, path):
                    self._journal.move_rows(source, path)
        self._journal.commit()
        self.forget()

    def _read(self) -> list[tuple[Any, ...]]:
        """The records; what was not written to its end is cut off."""
        unpacker = msgpack.Unpacker(use_list=False)
        unpacker.feed(os.pread(self._file, self._end, 0))
        records = list(unpacker)
        self._end = unpacker.tell()
        os.ftruncate(self._file, self._end)
        return records


def _change(what: str, rest: Sequence[Any]) -> Change:
    match what, rest:
        case "set", [path, row, lacking]:
            return _Set(path, unpack_row(row), lacking)
        case "drop", [path]:
            return _Drop(path)
        case "move", [source, path]:
            return _Move(source, path)
    raise ValueError(f"a record of {what} with {len(rest)} values")


def _planned(file: Any) -> Change:
    _, path, row, lacking = file
    return _Set(path, unpack_row(row), lacking)


def _is_in_place(folders: Folders, inode: int, path: Path) -> bool:
    """Whether what had an inode when it was staged is at its path, edited or not."""
    try:
        now = look(folders.open(parent(path)), name(path))
    except (RefusedError, OSError):
        return False
    return now is not None and now.st_ino == inode
