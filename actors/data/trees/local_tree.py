"""A tree as this host has it: its disk, what is known of it, and the way from one to the other.

All is done by one thread, in the order that the caller wants: `scan` takes in what was edited here,
`take` what others know, `bring` brings the disk to what is known then. After a crash it is opened
again, and goes on: what was done and the journal does not say is found out (`redo_log`), and what
was left under temporary names cleared up, first.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, closing
from typing import Final

from simulacra.actors.data.applying import leftovers
from simulacra.actors.data.applying.applier import Applier
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.permits import Permits
from simulacra.actors.data.applying.quarantine import Quarantine
from simulacra.actors.data.content.versions import Versions
from simulacra.actors.data.entries import Entry, Path, is_below, is_ours, name, parent
from simulacra.actors.data.reconciling.acknowledging import is_gone
from simulacra.actors.data.reconciling.dots import Context, Replica
from simulacra.actors.data.reconciling.policy import Policy
from simulacra.actors.data.scanning.attributes import Descent
from simulacra.actors.data.scanning.ignore_files import IgnoreFiles
from simulacra.actors.data.scanning.ignoring import EVERYTHING, Choice
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.index_database import IndexDamagedError
from simulacra.actors.data.scanning.looking import Looker, file_time
from simulacra.actors.data.scanning.roots import accept_root
from simulacra.actors.data.scanning.rows import Row
from simulacra.actors.data.scanning.scan import Meet, Visitor
from simulacra.actors.data.trees import leaving_out, probing
from simulacra.actors.data.trees.agreement import Agreement
from simulacra.actors.data.trees.asking import Remote
from simulacra.actors.data.trees.bases import Bases
from simulacra.actors.data.trees.bringing import Bringer, Brought
from simulacra.actors.data.trees.contents import Contents
from simulacra.actors.data.trees.definitions import KEEP_BYTES, KEEP_SECONDS
from simulacra.actors.data.trees.editing import Editor
from simulacra.actors.data.trees.intake import Intake, Taken, manifest_of
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.keeper import Keeper
from simulacra.actors.data.trees.ordering import Makers
from simulacra.actors.data.trees.packing import Heard
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.redo_log import RedoLog
from simulacra.actors.data.trees.restoring import Restorer
from simulacra.actors.data.trees.returning import prepare
from simulacra.actors.data.trees.seen import Seen
from simulacra.actors.data.trees.settling import Settler
from simulacra.actors.data.trees.sparing import FREELY, Sparing
from simulacra.actors.data.trees.texts import Texts
from simulacra.actors.data.trees.wanting import Wanting

logger = logging.getLogger(__name__)

_NS: Final = 10**9


class LocalTree:
    """See the module.

    Args:
        place: where it is.
        remotes: the hosts that may have what is wanted, the one to ask first at first.
        choice: what of the tree is wanted here.
        stopping: whether to stop bringing after the action in hand.
        progress: told of bytes that came.
        is_elsewhere: see `Wanting`.
        sparing: what of it waits, and how much is asked for at a time.
        keep_bytes: bytes that the versions may have that are kept.
        keep_seconds: how old one may be.
        makers: start the process that makes files.

    Attributes:
        journal: what is known.
        index: what was seen on the disk.
        versions: what sync displaced.
        settler: settles conflicts.
        restorer: puts versions back.

    Raises:
        RootLostError: the root is not there.
        RootTakenError: another process changes the tree.
        DatabaseError, IndexUnusableError, VersionsError: what is kept of it cannot be opened.
    """

    def __init__(
        self,
        place: Place,
        remotes: Callable[[], Sequence[Remote]] = tuple,
        choice: Choice = EVERYTHING,
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
        is_elsewhere: Callable[[Context], bool] = lambda _: False,
        sparing: Sparing = FREELY,
        *,
        keep_bytes: int = KEEP_BYTES,
        keep_seconds: float = KEEP_SECONDS,
        makers: Makers | None = None,
    ) -> None:
        makers = makers or Makers()
        self.place = place
        self._bare: set[Path] = set()
        self._begun = ExitStack()
        with ExitStack() as begun:
            place.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            prepare(place)
            self._folders = folders = Folders(str(place.root))
            begun.callback(folders.close)
            permits = Permits(place.permits)
            begun.callback(permits.close)
            permits.recover(folders)
            self.journal = Journal(place.journal, place.host)
            begun.callback(self.journal.close)
            redo = RedoLog(place.redo, self.journal)
            begun.callback(redo.close)
            done = redo.left(folders)
            self.index = Index(place.index)
            begun.callback(self.index.close)
            self.versions = Versions(
                place.versions,
                most_bytes=keep_bytes,
                most_ns=int(keep_seconds * _NS),
                catalogue=place.catalogue,
            )
            begun.callback(self.versions.close)
            looker = Looker(_digest, file_time)
            keeper = Keeper(self.journal, self.versions, looker)
            for error in leftovers.clear(folders, list(leftovers.find(folders)), keeper):
                logger.warning("something is left of a change that was under way: %s", error)
            redo.tell(done, folders.root)
            leaving_out.recover(self.journal, folders)
            descent = Descent(folders.root)
            begun.callback(descent.close)
            files = IgnoreFiles(descent, EVERYTHING)
            self._wanting = Wanting(choice, files, self.journal, is_elsewhere)
            contents = Contents(place, self.journal, descent, remotes, progress, sparing)
            begun.callback(contents.close)
            modes = probing.keeps_modes(folders.root)
            self._intake = Intake(
                place,
                self.journal,
                self.index,
                choice,
                xattrs=probing.keeps_xattrs(folders.root),
                modes=modes,
                quarantine=lambda paths: _quarantine(place, folders, paths),
            )
            applier = Applier(folders, permits, keeper, redo.refused)
            seen = Seen(self.index, lambda path: _look(looker, descent, path), modes=modes)
            self._bringer = Bringer(
                self.journal,
                self.index,
                applier,
                contents,
                Policy(self._wanted, self._wants_all, probing.folds_names(folders.root), modes),
                seen,
                stopping,
                self._wanting.is_unwanted,
                keeper,
                redo,
                lambda: makers.start(folders.root),
            )
            self._bases = Bases(place.bases, self.journal)
            begun.callback(self._bases.close)
            self._texts = Texts(self.journal, descent, self.versions, self._bases)
            editor = Editor(applier, self.index, descent, seen.expected)
            self.settler = Settler(self.journal, editor, self._texts)
            self.restorer = Restorer(self.versions, editor)
            self._begun = begun.pop_all()

    def close(self) -> None:
        """Let go of everything."""
        self._begun.close()

    def scan(
        self,
        folders: Iterable[Path] | None = None,
        *,
        visitor: Visitor | None = None,
        meet: Meet | None = None,
        sure: bool = False,
    ) -> Taken:
        """See `Intake.scan`; a damaged index is made anew, and ``sure`` is of another disk, too."""
        if sure:
            accept_root(self.index)
        if folders is None:
            self._bare.clear()
        meet = self._noting(meet)
        try:
            return self._intake.scan(folders, visitor=visitor, meet=meet, sure=sure)
        except IndexDamagedError as error:
            logger.warning("everything is read again: %s", error)
            self.index.renew(str(error))
            return self._intake.scan(visitor=visitor, meet=meet, sure=sure)

    def _noting(self, meet: Meet | None) -> Meet:
        """Note which repositories are bare: nothing in them is the tree's."""

        def noting(path: Path, descriptor: int, *, bare: bool) -> None:
            if bare:
                self._bare.add(path)
            else:
                self._bare.discard(path)
            if meet is not None:
                meet(path, descriptor, bare=bare)

        return noting

    def take(
        self, replica: Replica, records: Iterable[Heard], n: int, vector: Context | None = None
    ) -> int:
        """Take what another replica knows; how much of it was new.

        Args:
            replica: which.
            records: what it knows, in the order of its journal, from where this one was.
            n: the number up to which this is all of its journal.
            vector: all that it has heard of, if it has nothing after that.
        """
        wall = time.time_ns() // 1_000_000
        new = 0
        records = list(records)
        self.journal.prepare(record.id for record, _ in records)
        for record, packed in records:
            if is_gone(record, self.journal.vector, self.journal):
                continue
            self.journal.author.clock.see(record.latest, wall)
            new += self.journal.take(record, packed)
        self.journal.heard(replica, n, vector)
        self.journal.commit()
        return new

    def sweep(self, agreement: Agreement) -> int:
        """Drop the tombstones that nobody needs any more; how many."""
        with closing(JournalReader(self.place.journal)) as reader:
            return agreement.sweep(self.journal, reader)

    def review(
        self, hoard: Choice | None = None, room: int | None = None, recent: int | None = None
    ) -> None:
        """Decide anew what of the tree is to be here: all of its folders are to be planned.

        Args:
            hoard: see `Wanting.review`, as the others.
            room: bytes.
            recent: nanoseconds.
        """
        now = time.time_ns()
        self.journal.dirty |= self._wanting.review(self.place.root, hoard, room, recent, now)
        self.journal.commit()

    def reconsider(self) -> None:
        """Plan again what was to go, and had to stay as no other host had it."""
        self.journal.dirty |= self._wanting.staying()

    def _wanted(self, path: Path, entry: Entry) -> bool:
        """Whether something is to be on this disk; what git has is brought by git."""
        if is_ours(path) or any(is_below(path, each) for each in self._bare):
            return False
        return self._wanting.wanted(path, entry)

    def _wants_all(self, folder: Path, names: Collection[bytes]) -> bool:
        """Whether all of a folder is to be on this disk, as far as that can be said at once."""
        if self._bare or is_ours(folder) or any(each.startswith(b".") for each in names):
            return False
        return self._wanting.wants_all(folder)

    def bring(self) -> Brought:
        """See `Bringer.bring`; of kept versions those go that are over the limits then.

        Raises:
            RootLostError: the root is another folder now: close this, and open it again.
        """
        self._folders.check_root()
        self._wanting.begin()
        try:
            return self._bringer.bring()
        finally:
            self.versions.prune(time.time_ns(), self._bringer.lacking)

    def remember(self) -> bool:
        """Remember some texts to merge from, see `Bases.fill`; whether there may be more."""
        return self._bases.fill(self._texts.read)


def _quarantine(place: Place, folders: Folders, paths: list[Path]) -> None:
    folders.check_root()
    descent = Descent(folders.root)
    try:
        Quarantine(folders, os.fsencode(place.host)).take_all(descent, paths)
    finally:
        descent.close()


def _digest(descriptor: int, _size: int) -> bytes:
    return manifest_of(descriptor).digest


def _look(looker: Looker, descent: Descent, path: Path) -> Row:
    folder, entry = descent.open(parent(path)), name(path)
    return looker.look(entry, folder, os.stat(entry, dir_fd=folder, follow_symlinks=False))
