"""The thread that keeps one tree in step: it scans, hears others, and brings the disk up to date.

It is told what may have changed (`Worker.tell`) and works in rounds: take in what was edited here,
hear those who have news, bring the disk to what is known then, and tell the others when the journal
has changed. Once in a while all is looked at again, since hints and news can be lost (`lookout`,
`hearsay`). What could not be brought is tried again, at first soon.

Something that needs the user *halts* it, with the reason, until the user has answered: the root is
gone, or more than half of the tree is. A disk that takes nothing makes it wait and try again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Final

from simulacra.actors.data.applying.folders import RootLostError
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.content.versions import VersionsError
from simulacra.actors.data.entries import Path, parent
from simulacra.actors.data.reconciling.dots import Context
from simulacra.actors.data.scanning.index_database import IndexUnusableError
from simulacra.actors.data.scanning.roots import RootError
from simulacra.actors.data.scanning.watching import Hint
from simulacra.actors.data.trees import returning
from simulacra.actors.data.trees.agreement import Agreement
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.hearsay import Hearsay
from simulacra.actors.data.trees.intake import DoubtError
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.lookout import Lookout
from simulacra.actors.data.trees.messages import News
from simulacra.actors.data.trees.only_here import AskOnlyHere, OnlyHere, counting, find
from simulacra.actors.data.trees.orders import Event, Met, Order, Task
from simulacra.actors.data.trees.packing import pack_context
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.repository_worker import Looked
from simulacra.actors.data.trees.sparing import Sparing
from simulacra.actors.data.trees.standing import Standing, State
from simulacra.actors.databases import DatabaseError

logger = logging.getLogger(__name__)

_UNHEARD: Final = (
    "no host that has the tree was heard yet; if none will be: simulacra tree resume NAME --sure"
)
SWEEP: Final = 1800.0
_SOON: Final = 2.0
_LOOK: Final = 1.0
_LATEST: Final = 60.0

_DISK = (sqlite3.Error, DatabaseError, IndexUnusableError, VersionsError, RefusedError, OSError)


class Worker:
    """See the module; running from `start` to `close`.

    Args:
        place: where the tree is.
        remote: another host's copy, by the host's name.
        hosts: the hosts that have it and are connected now, the main store's first.
        announce: tells hosts what is new here.
        definition: which tree, and what of it is wanted here.
        members: the hosts that have a copy, also those that are away.
        whole: those of them that have all of it.
        sparing: what waits, and how fast the rest is fetched; halted while this is paused.
        merges: whether texts are merged here, now.
        looked: told after each round, for the git repositories.
    """

    def __init__(
        self,
        place: Place,
        remote: Callable[[str], RemoteTree],
        hosts: Callable[[], Sequence[str]],
        announce: Callable[[Iterable[str], News], None],
        definition: Definition,
        members: Callable[[], Sequence[str]],
        whole: Callable[[], Iterable[str]],
        sparing: Sparing,
        merges: Callable[[], bool] = lambda: False,
        looked: Callable[[Looked], None] = lambda _: None,
    ) -> None:
        self.standing = Standing()
        self._place = place
        self._remote = remote
        self._hosts = hosts
        self._members = members
        self._definition = definition
        self._merges = merges
        self._looked = looked
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tree@{place.host}", daemon=True)
        # of the thread alone:
        self._tree: LocalTree | None = None
        self._lookout = Lookout(self.tell)
        self._all_seen = self._brought = False
        self._sure = False
        self._paused = definition.paused
        self._retry_at = float("inf")
        self._retry_in = _SOON
        self._agreement = Agreement(place.acknowledged, members)
        self._hearsay = Hearsay(remote, hosts, announce, self._agreement)
        self._complete = whole
        self._sparing = sparing
        self._to_review = False
        self._swept_at = time.monotonic()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def tell(self, event: Event) -> None:
        """Say that something may have changed; never blocks."""
        if event is Order.PAUSE:
            self._sparing.halt()  # It may be in the midst of a large file.
        elif event is Order.RESUME and not self._stopping.is_set():
            self._sparing.go_on()
        self._events.put(event)

    def close(self) -> None:
        """Stop after the action in hand, and wait until all is let go of."""
        self._stopping.set()
        self._sparing.halt()
        self.tell(Order.STOP)
        if self._thread.ident is not None:
            self._thread.join()

    # -- the thread

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
        finally:
            self._let_go()
            self._refuse_tasks()

    def _turn(self) -> None:
        try:
            self._round()
        except (RootError, DoubtError) as error:
            self._halt(str(error))
        except RootLostError as error:
            if self._tree is None:
                self._halt(str(error))
            else:
                self._open_again()
        except _DISK as error:
            logger.warning("tree %s: %s", self._place.root, error)
            self._wait_and_retry(str(error))
        except Exception as error:
            logger.exception("tree %s: this is a mistake in Simulacra", self._place.root)
            self._wait_and_retry(f"a mistake in Simulacra: {type(error).__name__}: {error}")
        self._hear_events()

    def _round(self) -> None:
        if self._paused:
            self._show(State.PAUSED)
            return
        tree = self._opened()
        self._hear_others(tree)
        may_scan = self._may_scan(tree)
        if may_scan:
            self._scan(tree)
        if self._stopping.is_set():
            return
        self._review(tree)
        left = self._bring(tree)
        if self._merges() and tree.settler.merge():
            left = self._bring(tree)
        if not tree.journal.dirty:
            self._acknowledge(tree)
        self._hearsay.tell(tree.journal, self.standing.shows)
        self._sweep(tree)
        if self.standing.scans:
            self._tell_looked()
        if left:
            self._retry_at = time.monotonic() + self._retry_in
            self._retry_in = min(2 * self._retry_in, _LATEST)
        else:
            self._retry_at, self._retry_in = float("inf"), _SOON
            self._sparing.anyway = False
            if self._definition.is_complete and self._events.empty() and tree.remember():
                self._retry_at = time.monotonic()
        if may_scan:
            self._show(State.IDLE)

    def _opened(self) -> LocalTree:
        if self._tree is None:
            self._show(State.OPENING)
            self._tree = LocalTree(
                self._place,
                lambda: [self._remote(host) for host in self._hosts()],
                self._definition.choice(),
                lambda: self._sparing.is_halted,
                self._has_come,
                is_elsewhere=self._is_elsewhere,
                sparing=self._sparing,
                keep_bytes=self._definition.keep_bytes,
                keep_seconds=self._definition.keep_seconds,
            )
            self._to_review = not self._definition.is_complete or self._place.partly.exists()
        return self._tree

    def _has_come(self, size: int) -> None:
        self.standing = replace(self.standing, came=self.standing.came + size)

    # -- what was edited here

    def _may_scan(self, tree: LocalTree) -> bool:
        """Whether what is on the disk may be taken for edits: others may have to be heard first."""
        journal = tree.journal
        if journal.author.is_put_back(journal.vector):
            journal.begin_again()
        others = [host for host in self._members() if host != self._place.host]
        first = journal.author.replica.incarnation == 1 and not returning.is_evicted(self._place)
        alone = self._definition.origin and (first or not others)
        if journal.importing and not (alone or self._sure or journal.vector):
            self._show(State.WAITING, _UNHEARD)
            return False
        return True

    def _scan(self, tree: LocalTree) -> None:
        skipped: dict[Path, str] = {}
        if self._lookout.is_due:
            self.standing = replace(self.standing, begun=self.standing.begun + 1)
            self._show(State.SCANNING)
            taken = self._lookout.look_at_all(tree, sure=self._sure)
            self.standing = replace(
                self.standing,
                scans=self.standing.begun,
                quarantined=returning.quarantined(self._place.root),
                unwatched=self._lookout.unwatched,
                trouble=self._lookout.trouble,
            )
            self._all_seen, self._sure = True, False
            self._to_review = self._to_review or not self._definition.is_complete
        else:
            found = self._lookout.look_at_hints(tree)
            if found is None:
                return
            folders, taken = found
            before = self.standing.skipped.items()
            skipped = {path: why for path, why in before if parent(path) not in folders}
        skipped |= {
            path: f"{each.reason} {each.detail}".strip() for path, each in taken.skipped.items()
        }
        self.standing = replace(self.standing, skipped=skipped)

    def _tell_looked(self) -> None:
        met = self._lookout.take_met()
        self._looked(Looked(met, self.standing.scans, self._all_seen, self._brought))
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
        hosts = set(self._complete()) & set(self._hosts())
        return len(self._agreement.lacking(hosts, context)) < len(hosts)

    def only_here(self, tree: LocalTree, asked: AskOnlyHere) -> OnlyHere:
        """What no other host is known to have; in the tree's thread."""
        others = counting(self._place.host, self._complete(), self._members())
        if self._lookout.is_due:
            return OnlyHere(others)
        with closing(JournalReader(self._place.journal)) as reader:
            found = find(
                others,
                lambda context: self._agreement.lacking(others, context),
                tree.journal.vector,
                reader.records() if asked.named else None,
                reader.record,
            )
        return replace(found, scans=self.standing.scans)

    # -- what others know

    def _hear_others(self, tree: LocalTree) -> None:
        for host in self._hearsay.unheard(tree.journal):
            self._show(State.HEARING)
            try:
                self._hearsay.pull(tree, host)
            except MissingError as error:
                logger.info("tree %s: %s", self._place.root, error)
                self._retry_at = time.monotonic() + _SOON
        behind = tuple(self._hearsay.unheard(tree.journal))
        self.standing = replace(self.standing, behind=behind)

    # -- what all have heard of

    def _acknowledge(self, tree: LocalTree) -> None:
        """The disk shows all that is known."""
        journal = tree.journal
        self._agreement.acknowledge(journal.author.replica, journal.vector)
        self.standing = replace(self.standing, shows=tuple(pack_context(journal.vector)))

    def _sweep(self, tree: LocalTree) -> None:
        if time.monotonic() - self._swept_at < SWEEP:
            return
        self._swept_at = time.monotonic()
        tree.sweep(self._agreement)
        self.standing = replace(
            self.standing,
            tombstones=self._agreement.tombstones,
            unacknowledged=self._agreement.behind,
        )

    # -- the disk

    def _bring(self, tree: LocalTree) -> dict[Path, str]:
        if not tree.journal.dirty:
            self.standing = replace(self.standing, left={})
            return {}
        self._show(State.BRINGING)
        brought = tree.bring()
        self._brought = self._brought or bool(brought.done)
        if brought.folders or brought.moved:  # They are watched once they were looked at.
            self.tell(Hint(frozenset(brought.folders), everything=brought.moved))
        self.standing = replace(self.standing, left=brought.left)
        return brought.left

    # -- events

    def _hear_events(self) -> None:
        """Wait for something to happen, and take in all that did."""
        now = time.monotonic()
        due = min(
            self._retry_at,
            self._scan_due(now),
            self._hearsay.due if self._tree is not None else now + _LATEST,
            self._swept_at + SWEEP if self._tree is not None else now + _LATEST,
        )
        try:
            self._take_in(self._next_event(due))
            while True:
                self._take_in(self._events.get_nowait())
        except Empty:
            return

    def _next_event(self, due: float) -> Event:
        """The next event; meanwhile hosts may appear, of which nobody tells.

        Raises:
            Empty: it is time.
        """
        while (left := due - time.monotonic()) > _LOOK:
            with suppress(Empty):
                return self._events.get(timeout=_LOOK)
            self._hearsay.greet(self._journal(), self.standing.shows)
        return self._events.get(timeout=max(0.0, left))

    def _scan_due(self, now: float) -> float:
        """When all is scanned; the first time waits for others, or for the user."""
        due = self._lookout.due if self._tree is not None else None
        return now + _LATEST if due is None else due

    def _take_in(self, event: Event) -> None:
        match event:
            case Hint():
                self._lookout.hint(event)
            case News():
                self._hear_of(event)
            case Met(host):
                if self._tree is not None:
                    self._hearsay.tell(self._tree.journal, self.standing.shows, [host])
            case Task():
                self._do(event)
            case Order.PAUSE | Order.RESUME:
                self._paused = event is Order.PAUSE
            case Order.ANYWAY:
                self._sparing.anyway = True
            case Order.RESCAN | Order.SURE:
                self._lookout.expect_anything()
                self._sure = self._sure or event is Order.SURE

    def _hear_of(self, news: News) -> None:
        if self._hearsay.note(news) and self._tree is not None:
            self._tree.reconsider()
            self._hearsay.answer(self._tree.journal, self.standing.shows, news)

    def _journal(self) -> Journal | None:
        return None if self._tree is None else self._tree.journal

    def _do(self, task: Task) -> None:
        if self._tree is None:
            task.reply.set_error(OSError(self.standing.reason or "the tree is not open yet"))
            return
        try:
            task.reply.set(task.run(self._tree))
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            task.reply.set_error(error)

    def _halt(self, reason: str) -> None:
        self._show(State.HALTED, reason)
        self._lookout.expect_anything()
        self._retry_at = time.monotonic() + _LATEST
        self._let_go()

    def _wait_and_retry(self, reason: str) -> None:
        self._show(State.WAITING, reason)
        self._retry_at = time.monotonic() + self._retry_in
        self._retry_in = min(2 * self._retry_in, _LATEST)
        self._lookout.expect_anything()
        self._let_go()

    def _open_again(self) -> None:
        """Another folder is in the root's place: what is to be thought of it is seen then."""
        self._lookout.expect_anything()
        self._retry_at = time.monotonic()
        self._let_go()

    def _let_go(self) -> None:
        self._lookout.close()
        if self._tree is not None:
            self._tree.close()
            self._tree = None
            try:
                self._agreement.save()
            except OSError as error:
                logger.warning("who acknowledged what is not kept: %s", error)

    def _refuse_tasks(self) -> None:
        while not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, Task):
                event.reply.set_error(OSError("the tree is being closed"))

    def _show(self, state: State, reason: str = "") -> None:
        standing = replace(self.standing, state=state, reason=reason)
        if self._tree is not None:
            journal = self._tree.journal
            standing = replace(
                standing,
                incarnation=journal.author.replica.incarnation,
                last=journal.last,
                vector=tuple(pack_context(journal.vector)),
            )
        if (state, reason) != (self.standing.state, self.standing.reason):
            standing = replace(standing, since=time.monotonic())
        self.standing = standing
