"""From the journal to the disk: what is known is brought to where it belongs.

What is to be done is planned folder by folder, and done action by action (see `planning`). Each is
a compare-and-swap on the disk; what is refused stays as it is, is listed with its reason, and is
tried again when something changes. Before the base says that something was done it is on the disk:
so actions go in batches of `BATCH`, each with one sync of the disk and one commit; what was done
since the last one is in the `redo_log`. Files are staged first, up to so many, and come to their
places together after one sync: no action but a move or a removal can have to do with one that is
not in its place yet. For the same reason files are planned ahead of that: the bytes of one pack of
them are fetched while those of the pack before are written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Final

from simulacra.actors.data.applying.applier import Applied, Applier
from simulacra.actors.data.applying.making import Making
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.applying.staging import Staged
from simulacra.actors.data.content.descriptors import copy, write_at
from simulacra.actors.data.content.manifest import WHOLE
from simulacra.actors.data.entries import Entry, Fingerprint, Kind, Path
from simulacra.actors.data.reconciling.actions import (
    Action,
    MakeFolder,
    Move,
    Note,
    Put,
    Remove,
    SetAttributes,
    done,
)
from simulacra.actors.data.reconciling.missing import missing
from simulacra.actors.data.reconciling.planning import is_settled, plan
from simulacra.actors.data.reconciling.policy import Policy, held_back
from simulacra.actors.data.reconciling.projecting import Listings
from simulacra.actors.data.reconciling.records import FileId
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.trees import in_step, leaving_out
from simulacra.actors.data.trees.asking import MOST, MissingError
from simulacra.actors.data.trees.contents import PACK, Contents
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.keeper import Keeper
from simulacra.actors.data.trees.leaving_out import LeavingOut
from simulacra.actors.data.trees.ordering import Ordering, Placing, Staging
from simulacra.actors.data.trees.redo_log import RedoLog
from simulacra.actors.data.trees.seen import Seen

BATCH: Final = 2000
AHEAD: Final = 2
"""So many packs of small files are being fetched while one is staged."""
AT_WORK: Final = 2
"""So much may have been ordered that was not waited for."""


@dataclass(slots=True)
class Brought:
    """What came of bringing the disk up to date.

    Attributes:
        done: how many actions.
        left: the paths that are not as they should be, and why.
        folders: those that were made, which nobody watches yet.
        moved: whether a folder was moved, with all that is watched below it.
    """

    done: int = 0
    left: dict[Path, str] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)
    moved: bool = False

    def note(self, action: Action) -> None:
        """Count an action that was done."""
        self.done += 1
        if isinstance(action, MakeFolder):
            self.folders.add(action.path)
        elif isinstance(action, Move) and action.expected.content.kind is Kind.FOLDER:
            self.moved = True


class Bringer:
    """Brings a disk up to date; used by one thread.

    Args:
        journal: what is known.
        index: what was seen on the disk.
        applier: changes the disk.
        contents: where bytes come from.
        policy: what is to be on this disk.
        seen: what was seen there last, which is what an action expects.
        stopping: whether to stop after the action in hand.
        leaves_out: whether something is known, and not to be on this disk.
        keeper: told what goes because of that.
        redo: told what was done.
        start_maker: see `Ordering`.
    """

    def __init__(
        self,
        journal: Journal,
        index: Index,
        applier: Applier,
        contents: Contents,
        policy: Policy,
        seen: Seen,
        stopping: Callable[[], bool],
        leaves_out: Callable[[Path, Entry], bool],
        keeper: Keeper,
        redo: RedoLog,
        start_maker: Callable[[], Making | None],
    ) -> None:
        self._redo = redo
        self._journal = journal
        self._index = index
        self._applier = applier
        self._contents = contents
        self._policy = policy
        self._seen = seen
        self._stopping = stopping
        self._undone = 0
        self._planned: dict[Path, Put] = {}
        self._planned_bytes = 0
        self._fetched: deque[dict[Path, Put]] = deque()
        self._ordering = Ordering(contents, start_maker)
        self._staged: dict[Path, tuple[Put, Staged, Fingerprint | None]] = {}
        self._leaving_out = LeavingOut(journal, keeper, leaves_out)

    def bring(self) -> Brought:
        """Do what can be done for the dirty folders.

        Raises:
            RootLostError: the tree's root is not there.
            RefusedError: the disk did not take what was done; it is to be done again.
            sqlite3.Error, IndexUnusableError: the disk does not take what is to be kept.
        """
        brought = Brought()
        if not self._journal.dirty:
            return brought
        listings = Listings(self._journal)
        # Most of what was looked at here is as it should be: it is gone through once, not thrice.
        dirty = [each for each in self._journal.dirty if not self._is_settled(each, listings)]
        self._journal.dirty.intersection_update(dirty)
        try:
            with self._index.together():
                self._do_all(plan(dirty, self._journal, self._policy, listings), brought)
        finally:
            self._contents.expect_nothing()
            self._discard()
        held = held_back(dirty, self._journal, self._policy, listings)
        brought.left |= {each.path: each.reason for each in held}
        self._journal.dirty -= {each for each in dirty if self._is_settled(each, listings)}
        self._journal.commit()
        return brought

    def _is_settled(self, folder: FileId, listings: Listings) -> bool:
        return is_settled(folder, self._journal, self._policy, listings)

    def lacking(self) -> set[bytes]:
        """Digests of what should be on this disk and is not: kept versions may be all there is."""
        lacking = missing(self._journal.dirty, self._journal, self._policy, Listings(self._journal))
        return {content.digest for content in lacking}

    def _do_all(self, actions: Iterable[Action], brought: Brought) -> None:
        for action in actions:
            if self._leaving_out.concerns(action):
                self._gather(action, brought)
            else:
                self._let_go(brought)
                self._do_one(action, brought)
            if self._stopping():
                self._leaving_out.give_up()
                break
        else:
            self._let_go(brought)
            self._stage_planned(brought)
            if not self._stopping():
                self._contents.drop_unfinished()
        self._place(brought)
        self._save()

    def _do_one(self, action: Action, brought: Brought) -> None:
        if isinstance(action, Put):
            self._plan_put(action, brought)
            return
        if isinstance(action, Move | Remove):
            self._stage_planned(brought)
            self._place(brought)
        self._try(action, brought)
        self._save_batch(brought)

    def _plan_put(self, action: Put, brought: Brought) -> None:
        path = action.path
        # It is planned once more, as the base does not say so yet.
        if path in self._planned or path in self._ordering or path in self._staged:
            return
        if any(path in pack for pack in self._fetched):
            return
        self._planned[path] = action
        self._planned_bytes += min(action.row.entry.content.size, WHOLE)
        if self._planned_bytes >= PACK or len(self._planned) >= MOST:
            self._ordering.begin()
            self._fetch_planned()
            if len(self._fetched) > AHEAD:
                self._stage_pack(brought)

    def _fetch_planned(self) -> None:
        """Begin to fetch what was planned."""
        self._contents.expect([each.row.entry.content for each in self._planned.values()])
        self._fetched.append(self._planned)
        self._planned, self._planned_bytes = {}, 0

    def _stage_pack(self, brought: Brought) -> None:
        """Stage, or have staged, what was fetched first."""
        for action in self._ordering.order(self._fetched.popleft().values()):
            if self._stopping():
                break
            self._try_to_stage(action, brought)
        while len(self._ordering) > AT_WORK:
            self._take_ordered(brought)

    def _stage_planned(self, brought: Brought) -> None:
        """Stage all that was planned."""
        if self._planned:
            self._fetch_planned()
        while self._fetched:
            self._stage_pack(brought)

    def _take_ordered(self, brought: Brought) -> None:
        """Wait for what was ordered longest ago; what could not be done is done here."""
        match self._ordering.take():
            case Staging(files):
                for action, made in files:
                    if made is None:
                        self._try_to_stage(action, brought)
                    else:
                        staged = self._applier.stage_made(action.path, made)
                        self._staged[action.path] = action, staged, None
                self._save_batch(brought)
            case Placing(files):
                for action, content, placed in files:
                    if placed is None:
                        self._put(action, content, None, brought)
                    else:
                        self._applier.was_put(content)
                        applied = Applied(placed.fingerprint, content.lacking)
                        self._was_done(action, applied, brought)
                self._save()

    def _try_to_stage(self, action: Put, brought: Brought) -> None:
        try:
            self._stage(action)
        except RefusedError as error:
            brought.left[action.path] = error.beside(action.path)
        except MissingError as error:
            brought.left[action.path] = str(error)
        self._save_batch(brought)

    def _try(self, action: Action, brought: Brought) -> bool:
        """Do an action; whether the disk took it."""
        try:
            applied = self._do(action)
        except RefusedError as error:
            brought.left[action.path] = error.beside(action.path)
            return False
        self._redo.did(action, applied.lacking)
        self._was_done(action, applied, brought)
        return True

    def _save_batch(self, brought: Brought) -> None:
        if self._undone + len(self._staged) >= BATCH:
            self._begin_to_place(brought)
            if not self._ordering.is_placing:
                self._save()

    def _was_done(self, action: Action, applied: Applied, brought: Brought) -> None:
        done(action, self._journal, applied.fingerprint)
        if isinstance(action, Put | MakeFolder | SetAttributes):
            row = action.row
            if row.entry.attributes.xattrs:
                self._journal.set_lacking(row.id, applied.lacking)
        self._seen.note(action, applied)
        brought.note(action)
        self._undone += 1

    def _place(self, brought: Brought) -> None:
        """Put in its place what was staged, and what is being staged."""
        while self._staged or self._ordering:
            self._begin_to_place(brought)
            while self._ordering:
                self._take_ordered(brought)

    def _begin_to_place(self, brought: Brought) -> None:
        """Put in its place what was staged, or have it put; what was to be put before is then."""
        while self._ordering.is_placing:
            self._take_ordered(brought)
        staged, self._staged = list(self._staged.values()), {}
        self._redo.plan([(action, content) for action, content, _ in staged])
        ordered = []
        for action, content, found in staged:
            if self._ordering.can_place(content, found):
                self._applier.put_on_disk(content)
                ordered.append((action, content))
            else:
                self._put(action, content, found, brought)
        self._ordering.place(ordered)

    def _put(
        self, action: Put, content: Staged, found: Fingerprint | None, brought: Brought
    ) -> None:
        try:
            applied = self._applier.put(content, found)
        except RefusedError as error:
            self._redo.refused(content)
            brought.left[action.path] = error.beside(action.path)
            return
        self._redo.put(content)
        self._was_done(action, applied, brought)

    def _discard(self) -> None:
        """Throw away what is not to be placed, after something went wrong."""
        self._leaving_out.give_up()
        self._planned, self._planned_bytes = {}, 0
        self._fetched.clear()
        staged, self._staged = self._staged, {}
        unwanted = [content for _, content, _ in staged.values()]
        unwanted += [self._applier.stage_made(put.path, made) for put, made in self._ordering.end()]
        for content in unwanted:
            with suppress(RefusedError):  # `leftovers` finds it
                self._applier.discard(content)

    def _gather(self, action: Remove, brought: Brought) -> None:
        """Have what is left out here go, with what goes next for that reason."""
        if not self._leaving_out:
            self._stage_planned(brought)
            self._place(brought)
            if self._undone:
                self._save()
        self._leaving_out.gather(action)
        if len(self._leaving_out) >= leaving_out.MOST:
            self._let_go(brought)

    def _let_go(self, brought: Brought) -> None:
        if self._leaving_out:
            self._leaving_out.go(lambda action: self._try(action, brought), self._stopping)
            self._save()

    def _do(self, action: Action) -> Applied:
        path = action.path
        match action:
            case MakeFolder(row=row):
                return self._applier.make_folder(path, row.entry.attributes)
            case SetAttributes(row=row, expected=expected):
                seen = self._seen.row(path, expected)
                before, after = seen.entry.attributes, row.entry.attributes
                if not self._policy.modes:  # what there is of them was made up by the disk
                    before = self._seen.read(path).entry.attributes
                    after = replace(after, mode=before.mode)
                kind = expected.content.kind
                found = seen.fingerprint
                return self._applier.set_attributes(path, found, kind, before, after)
            case Move(source=source, expected=expected):
                found = self._seen.expected(source, expected)
                return self._applier.move(source, path, found, expected.content.kind)
            case Remove(expected=expected):
                found = self._seen.expected(path, expected)
                self._applier.remove(path, found, expected.content.kind)
            case Note():
                pass
        return Applied(None)

    def _stage(self, action: Put) -> None:
        path, entry, expected = action.path, action.row.entry, action.expected
        found = None if expected is None else self._seen.expected(path, expected)
        content, attributes = entry.content, entry.attributes
        if content.kind is Kind.LINK:
            staged = self._applier.stage_link(path, content.target, attributes)
        elif content.size <= WHOLE:
            data = self._contents.small(content)
            staged = self._applier.stage_file(
                path, lambda into: _write(into, data), attributes, content.size
            )
        else:
            staged = self._stage_whole(path, entry)
        self._staged[path] = action, staged, found

    def _stage_whole(self, path: Path, entry: Entry) -> Staged:
        size, attributes = entry.content.size, entry.attributes
        whole = self._contents.whole(entry.content, path)
        staged = self._applier.adopt_file(path, str(whole), attributes, size)
        if staged is None:
            staged = self._applier.stage_file(
                path, lambda into: _copy(whole, into), attributes, size
            )
            whole.unlink()
        return staged

    def _save(self) -> None:
        """Put what was done on the disk, and then what the base and the index say of it."""
        try:
            self._applier.sync()
        except BaseException:
            self._redo.forget()
            raise
        self._seen.tell()
        in_step.commit(self._journal, self._index)
        self._redo.forget()
        self._undone = 0


def _write(into: int, data: bytes) -> None:
    write_at(into, [data], 0)


def _copy(source: FilePath, into: int) -> None:
    with source.open("rb") as file:
        copy(file.fileno(), into)
