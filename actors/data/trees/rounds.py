"""What is done with one tree, round by round; the worker says when.

In each round what was edited here is taken in, those are heard who have news, the disk is brought
to what is known then, and the others are told when the journal has changed. Once in a while all is
looked at again, since hints and news can be lost (`lookout`, `hearsay`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Final

from simulacra.actors.data.entries import Path, parent
from simulacra.actors.data.reconciling.dots import Context
from simulacra.actors.data.scanning.watching import Hint
from simulacra.actors.data.trees import returning
from simulacra.actors.data.trees.agreement import Agreement
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.hearsay import Hearsay
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.lookout import Lookout
from simulacra.actors.data.trees.only_here import AskOnlyHere, OnlyHere, counting, find
from simulacra.actors.data.trees.ordering import Makers
from simulacra.actors.data.trees.others import Others
from simulacra.actors.data.trees.packing import pack_context
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.repository_worker import Looked
from simulacra.actors.data.trees.sparing import Sparing
from simulacra.actors.data.trees.standing import Board, State

logger = logging.getLogger(__name__)

_UNHEARD: Final = (
    "no host that has the tree was heard yet; if none will be: simulacra tree resume {} --sure"
)
SWEEP: Final = 1800.0


class Rounds:
    """See the module; used by the tree's thread.

    Args:
        place: where the tree is.
        definition: which tree, and what of it is wanted here.
        others: the other hosts that have it.
        sparing: what waits, and how fast the rest is fetched; halted while nothing is to be done.
        board: says how the tree is.
        hint: told where to look in the next round.
        looked: told after each round, for the git repositories.

    Attributes:
        tree: what is open of it.
        lookout: where to look next.
        hearsay: what others say.
        sure: whether what is gone was deleted on purpose, and nobody else need be heard first.
    """

    def __init__(
        self,
        place: Place,
        definition: Definition,
        others: Others,
        sparing: Sparing,
        board: Board,
        hint: Callable[[Hint], None],
        looked: Callable[[Looked], None],
    ) -> None:
        self.tree: LocalTree | None = None
        self.sure = False
        self._place = place
        self._definition = definition
        self._others = others
        self._sparing = sparing
        self._board = board
        self._hint = hint
        self._looked = looked
        self._makers = Makers()
        self._agreement = Agreement(place.acknowledged, others.members)
        self.hearsay = Hearsay(others.remote, others.hosts, others.announce, self._agreement)
        self.lookout = Lookout(hint)
        self._all_seen = self._brought = False
        self._to_review = False
        self._swept_at = time.monotonic()

    @property
    def due(self) -> float:
        """When there is something to do, whatever happens; infinite while nothing is open."""
        if self.tree is None:
            return float("inf")
        # The first look waits for others, or for the user.
        return min(self.lookout.due or float("inf"), self.hearsay.due, self._swept_at + SWEEP)

    def round(self) -> bool:
        """Do what there is to do; whether all of it was done.

        Raises:
            RootError, DoubtError: it needs the user.
            RootLostError: the root is not there, or another folder now.
            RootTakenError: another process changes the tree.
            sqlite3.Error, DatabaseError, IndexUnusableError, VersionsError, RefusedError, OSError:
                a disk takes nothing, or what is kept cannot be read.
        """
        tree = self._open()
        has_heard = self._hear_others(tree)
        may_scan = self._may_scan(tree)
        if may_scan:
            self._scan(tree)
        if self._sparing.is_halted:
            return False
        self._review(tree)
        is_done = self._bring(tree)
        if self._others.merges() and tree.settler.merge():
            is_done = self._bring(tree)
        if not tree.journal.dirty:
            self._acknowledge(tree)
        self.hearsay.tell(tree.journal, self._board.standing.shows)
        self._sweep(tree)
        if self._board.standing.scans:
            self._tell_looked()
        if may_scan:
            self._show(State.IDLE)
        return is_done and has_heard

    def remember(self) -> bool:
        """Do what can be done when nothing else is to be; whether there may be more of it."""
        return self.tree is not None and self._definition.is_complete and self.tree.remember()

    def _open(self) -> LocalTree:
        if self.tree is None:
            self._show(State.OPENING)
            self.tree = LocalTree(
                self._place,
                lambda: [self._others.remote(host) for host in self._others.hosts()],
                self._definition.choice(),
                lambda: self._sparing.is_halted,
                self._board.came,
                is_elsewhere=self._is_elsewhere,
                sparing=self._sparing,
                keep_bytes=self._definition.keep_bytes,
                keep_seconds=self._definition.keep_seconds,
                makers=self._makers,
            )
            self._to_review = not self._definition.is_complete or self._place.partly.exists()
        return self.tree

    def close(self) -> None:
        """Let go of all; the next round opens it again, and looks at all of it."""
        self.lookout.expect_anything()
        self.lookout.close()
        if self.tree is not None:
            self.tree.close()
            self.tree = None
            try:
                self._agreement.save()
            except OSError as error:
                logger.warning("who acknowledged what is not kept: %s", error)

    # -- what was edited here

    def _may_scan(self, tree: LocalTree) -> bool:
        """Whether what is on the disk may be taken for edits: others may have to be heard first."""
        journal = tree.journal
        if journal.author.is_put_back(journal.vector):
            journal.begin_again()
        others = [host for host in self._others.members() if host != self._place.host]
        first = journal.author.replica.incarnation == 1 and not returning.is_evicted(self._place)
        alone = self._definition.origin and (first or not others)
        if journal.importing and not (alone or self.sure or journal.vector):
            self._show(State.WAITING, _UNHEARD.format(self._definition.name))
            return False
        return True

    def _scan(self, tree: LocalTree) -> None:
        skipped: dict[Path, str] = {}
        if self.lookout.is_due:
            self._board.note(begun=self._board.standing.begun + 1)
            self._show(State.SCANNING)
            taken = self.lookout.look_at_all(tree, sure=self.sure)
            self._board.note(
                scans=self._board.standing.begun,
                quarantined=returning.quarantined(self._place.root),
                unwatched=self.lookout.unwatched,
                trouble=self.lookout.trouble,
            )
            self._all_seen, self.sure = True, False
            self._to_review = self._to_review or not self._definition.is_complete
        else:
            found = self.lookout.look_at_hints(tree)
            if found is None:
                return
            folders, taken = found
            before = self._board.standing.skipped.items()
            skipped = {path: why for path, why in before if parent(path) not in folders}
        skipped |= {
            path: f"{each.reason} {each.detail}".strip() for path, each in taken.skipped.items()
        }
        self._board.note(skipped=skipped)

    def _tell_looked(self) -> None:
        met = self.lookout.take_met()
        self._looked(Looked(met, self._board.standing.scans, self._all_seen, self._brought))
        self._all_seen = self._brought = False

    # -- what is to be here

    def _review(self, tree: LocalTree) -> None:
        """Decide what of a tree is to be here that is not, or was not, to be here wholly."""
        if not self._to_review:
            return
        definition, partly = self._definition, self._place.partly
        if not definition.is_complete:
            partly.touch()
        recent = None if definition.recent is None else int(definition.recent * 1e9)
        tree.review(definition.hoard(), definition.room, recent)
        if definition.is_complete:
            partly.unlink(missing_ok=True)
        self._to_review = False

    def _is_elsewhere(self, context: Context) -> bool:
        """Whether a host in reach that has all of the tree shows what is in a context."""
        hosts = set(self._others.whole()) & set(self._others.hosts())
        return len(self._agreement.lacking(hosts, context)) < len(hosts)

    def only_here(self, tree: LocalTree, asked: AskOnlyHere) -> OnlyHere:
        """What no other host is known to have; in the tree's thread."""
        others = counting(self._place.host, self._others.whole(), self._others.members())
        if self.lookout.is_due:
            return OnlyHere(others)
        with closing(JournalReader(self._place.journal)) as reader:
            found = find(
                others,
                lambda context: self._agreement.lacking(others, context),
                tree.journal.vector,
                reader.records() if asked.named else None,
                reader.record,
            )
        return replace(found, scans=self._board.standing.scans)

    # -- what others know

    def _hear_others(self, tree: LocalTree) -> bool:
        """Hear those who have something new; whether all of them answered."""
        has_heard = True
        for host in self.hearsay.unheard(tree.journal):
            self._show(State.HEARING)
            try:
                self.hearsay.pull(tree, host)
            except MissingError as error:
                logger.info("tree %s: %s", self._place.root, error)
                has_heard = False
        self._board.note(behind=tuple(self.hearsay.unheard(tree.journal)))
        return has_heard

    # -- what all have heard of

    def _acknowledge(self, tree: LocalTree) -> None:
        """The disk shows all that is known."""
        journal = tree.journal
        self._agreement.acknowledge(journal.author.replica, journal.vector)
        self._board.note(shows=tuple(pack_context(journal.vector)))

    def _sweep(self, tree: LocalTree) -> None:
        if time.monotonic() - self._swept_at < SWEEP:
            return
        self._swept_at = time.monotonic()
        tree.sweep(self._agreement)
        self._board.note(
            tombstones=self._agreement.tombstones,
            unacknowledged=self._agreement.behind,
        )

    # -- the disk

    def _bring(self, tree: LocalTree) -> bool:
        """Bring the disk to what is known; whether nothing is left."""
        if not tree.journal.dirty:
            self._board.note(left={})
            return True
        self._show(State.BRINGING)
        brought = tree.bring()
        self._brought = self._brought or bool(brought.done)
        if brought.folders or brought.moved:  # They are watched once they were looked at.
            self._hint(Hint(frozenset(brought.folders), everything=brought.moved))
        self._board.note(left=brought.left)
        return not brought.left

    def _show(self, state: State, reason: str = "") -> None:
        self._board.show(state, reason, None if self.tree is None else self.tree.journal)
