"""The thread that keeps one tree in step: it scans, hears others, and brings the disk up to date.

It is told what may have changed (`Worker.tell`) and works in rounds: take in what was edited here,
hear those who have news, bring the disk to what is known then, and tell the others when the journal
has changed. Once in a while all is looked at again, since hints and news can be lost: the disk each
hour, the others each half minute. What could not be brought is tried again, at first soon.

Something that needs the user *halts* it, with the reason, until the user has answered: the root is
gone, or more than half of the tree is. A disk that takes nothing makes it wait and try again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from queue import Empty, SimpleQueue
from typing import Any, Final

from simulacra.actors.data.applying.folders import RootLostError
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.content.versions import VersionsError
from simulacra.actors.data.entries import Path, parent
from simulacra.actors.data.reconciling.dots import Context, Replica, includes
from simulacra.actors.data.reconciling.record_plain import RecordError
from simulacra.actors.data.scanning.index import IndexUnusableError
from simulacra.actors.data.scanning.inotify import WatchLimitError
from simulacra.actors.data.scanning.roots import RootError
from simulacra.actors.data.scanning.scan import Meet
from simulacra.actors.data.scanning.watching import Hint, Watcher, watch_repository
from simulacra.actors.data.trees import returning
from simulacra.actors.data.trees.agreement import Agreement
from simulacra.actors.data.trees.contents import MissingError
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.intake import DoubtError
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.messages import News
from simulacra.actors.data.trees.packing import pack_context, unpack_context
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.repository_worker import Looked
from simulacra.actors.data.trees.sparing import Bucket, Line, why_wait
from simulacra.actors.data.trees.standing import Standing, State
from simulacra.actors.databases import DatabaseError
from simulacra.actors.runtime.futures import Reply

logger = logging.getLogger(__name__)

_UNHEARD: Final = (
    "no host that has the tree was heard yet; if none will be: simulacra tree resume NAME --sure"
)
FULL_SCAN: Final = 3600.0
SWEEP: Final = 1800.0
COMPARE: Final = 30.0
_SOON: Final = 2.0
_LOOK: Final = 1.0
_LATEST: Final = 60.0

_DISK = (sqlite3.Error, DatabaseError, IndexUnusableError, VersionsError, RefusedError, OSError)


def _lacks(news: News, vector: Context) -> bool:
    """Whether a host has not heard of all that was heard of here; of an empty tree, of anything."""
    try:
        heard = unpack_context(news.vector)
        return not includes(heard, vector) or bool(vector and not heard)
    except RecordError:
        logger.warning("what %s says of a tree is no news", news.host)
        return False


def _is_news(news: News) -> bool:
    numbers = type(news.incarnation) is int and type(news.last) is int
    if not (numbers and type(news.host) is str):
        logger.warning("what a host says of a tree is no news: %r", news)
        return False
    return True


@dataclass(frozen=True, slots=True)
class Met:
    """A host that has the tree was connected."""

    host: str


class Order(StrEnum):
    """What the user or the node orders."""

    RESCAN = "rescan"
    PAUSE = "pause"
    RESUME = "resume"
    SURE = "sure"
    ANYWAY = "anyway"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done with the tree in its thread, between two rounds.

    Attributes:
        run: does it; what it returns is the answer, and so is what it raises.
        reply: where the answer goes.
    """

    run: Callable[[LocalTree], Any]
    reply: Reply


Event = Hint | News | Met | Order | Task


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
        line: how this host is connected now.
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
        line: Callable[[], Line],
        merges: Callable[[], bool] = lambda: False,
        looked: Callable[[Looked], None] = lambda _: None,
    ) -> None:
        self.standing = Standing()
        self._place = place
        self._remote = remote
        self._hosts = hosts
        self._announce = announce
        self._members = members
        self._definition = definition
        self._merges = merges
        self._looked = looked
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tree@{place.host}", daemon=True)
        # of the thread alone:
        self._tree: LocalTree | None = None
        self._watcher: Watcher | None = None
        self._news: dict[str, News] = {}
        self._folders: set[Path] = set()
        self._everything = True
        self._met: set[Path] = set()
        self._all_seen = self._brought = False
        self._sure = False
        self._paused = definition.paused
        self._scanned_at = self._compared_at = float("-inf")
        self._retry_at = float("inf")
        self._retry_in = _SOON
        self._announced: tuple[Any, ...] = ()
        self._greeted: frozenset[str] = frozenset()
        self._agreement = Agreement(place.acknowledged, members)
        self._complete = whole
        self._line = line
        self._anyway = False
        self._bucket = Bucket(definition.rate)
        self._to_review = False
        self._swept_at = time.monotonic()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def tell(self, event: Event) -> None:
        """Say that something may have changed; never blocks."""
        self._events.put(event)

    def close(self) -> None:
        """Stop after the action in hand, and wait until all is let go of."""
        self._stopping.set()
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
        except (RootError, RootLostError, DoubtError) as error:
            self._halt(str(error))
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
        self._tell_others(tree)
        self._sweep(tree)
        if self.standing.scans:
            self._tell_looked()
        if left:
            self._retry_at = time.monotonic() + self._retry_in
            self._retry_in = min(2 * self._retry_in, _LATEST)
        else:
            self._retry_at, self._retry_in = float("inf"), _SOON
            self._anyway = False
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
                self._stopping.is_set,
                self._has_come,
                is_elsewhere=self._is_elsewhere,
                why_wait=self._why_wait,
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
        now = time.monotonic()
        if self._everything or now - self._scanned_at >= FULL_SCAN:
            self._show(State.SCANNING)
            skipped: dict[Path, str] = {}
            watcher = self._new_watcher()
            self._met.clear()
            taken = tree.scan(
                visitor=watcher.add if watcher else None, meet=self._meet(watcher), sure=self._sure
            )
            self._start(watcher)
            self.standing = replace(
                self.standing,
                scans=self.standing.scans + 1,
                quarantined=returning.quarantined(self._place.root),
            )
            self._all_seen = True
            self._everything, self._sure, self._scanned_at = False, False, now
            self._to_review = self._to_review or not self._definition.is_complete
            self._folders.clear()
        elif self._folders:
            watcher = self._watcher
            folders, self._folders = self._folders, set()
            taken = tree.scan(
                folders, visitor=watcher.add if watcher else None, meet=self._meet(watcher)
            )
            before = self.standing.skipped.items()
            skipped = {path: why for path, why in before if parent(path) not in folders}
        else:
            return
        skipped |= {
            path: f"{each.reason} {each.detail}".strip() for path, each in taken.skipped.items()
        }
        self.standing = replace(self.standing, skipped=skipped)

    def _meet(self, watcher: Watcher | None) -> Meet:
        """Note each git repository that is met, and watch what tells of its changes."""

        def meet(path: Path, descriptor: int, *, bare: bool) -> None:  # noqa: ARG001
            self._met.add(path)
            if watcher is not None:
                watch_repository(watcher.add, path, descriptor)

        return meet

    def _tell_looked(self) -> None:
        met, self._met = frozenset(self._met), set()
        self._looked(Looked(met, self.standing.scans, self._all_seen, self._brought))
        self._all_seen = self._brought = False

    def _new_watcher(self) -> Watcher | None:
        try:
            return Watcher(self.tell)
        except (WatchLimitError, OSError) as error:
            self.standing = replace(self.standing, trouble=str(error))
            return None

    def _start(self, watcher: Watcher | None) -> None:
        old, self._watcher = self._watcher, watcher
        if old is not None:
            old.close()
        if watcher is not None:
            watcher.start()
            self.standing = replace(
                self.standing, unwatched=watcher.unwatched, trouble=watcher.trouble or ""
            )

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

    # -- sparing lines and batteries

    def _why_wait(self, size: int) -> str | None:
        why = None if self._anyway else why_wait(size, self._line(), self._hosts())
        if why is None:
            return None
        return f"{why}; have it now: simulacra tree sync {self._definition.name} --anyway"

    def pace(self, size: int) -> None:
        """Wait before so many bytes are fetched; in the tree's thread."""
        self._stopping.wait(self._bucket.take(size, time.monotonic()))

    # -- what others know

    def _hear_others(self, tree: LocalTree) -> None:
        connected = self._hosts()
        for host in connected:
            news = self._news.get(host)
            if news is None or not self._is_new(tree, news):
                continue
            self._show(State.HEARING)
            try:
                self._remote(host).pull(news.incarnation, tree.journal.cursor, tree.take)
            except MissingError as error:
                logger.info("tree %s: %s", self._place.root, error)
                self._retry_at = time.monotonic() + _SOON
        behind = [
            host
            for host, news in self._news.items()
            if host in connected and self._is_new(tree, news)
        ]
        self.standing = replace(self.standing, behind=tuple(behind))

    def _is_new(self, tree: LocalTree, news: News) -> bool:
        journal = tree.journal
        # Whoever imports has heard of nothing; of an empty tree something is heard all the same.
        unheard = not journal.vector and bool(news.vector)
        return unheard or journal.cursor(Replica(news.host, news.incarnation)) < news.last

    def _tell_others(self, tree: LocalTree, hosts: Iterable[str] | None = None) -> None:
        journal = tree.journal
        now = time.monotonic()
        due = now - self._compared_at >= COMPARE
        state = (journal.last, self.standing.shows)
        if hosts is None and state == self._announced and not due:
            return
        replica = journal.author.replica
        vector, told = pack_context(journal.vector), self._agreement.told()
        news = News(replica.host, replica.incarnation, journal.last, vector, told)
        if hosts is None:
            self._announced, self._compared_at = state, now
            hosts = self._greeted = frozenset(self._hosts())
        self._announce(hosts, news)

    def _greet(self) -> None:
        """Tell hosts that were not there before, or not known to have the tree."""
        there = frozenset(self._hosts())
        if self._tree is not None and there - self._greeted:
            self._tell_others(self._tree, there - self._greeted)
        self._greeted = there

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
            self._scanned_at + FULL_SCAN if self._may_wait_for_scan() else now + _LATEST,
            self._compared_at + COMPARE if self._tree is not None else now + _LATEST,
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
            self._greet()
        return self._events.get(timeout=max(0.0, left))

    def _may_wait_for_scan(self) -> bool:
        """Whether the next scan has a time; the first waits for others, or for the user."""
        return self._tree is not None and self._scanned_at > float("-inf")

    def _take_in(self, event: Event) -> None:
        match event:
            case Hint(folders, everything):
                self._folders |= folders
                self._everything = self._everything or everything
            case News(host) if _is_news(event):
                self._news[host] = event
                self._hear_acknowledged(event)
                if self._tree is not None and _lacks(event, self._tree.journal.vector):
                    self._tell_others(self._tree, [host])
            case Met(host):
                if self._tree is not None:
                    self._tell_others(self._tree, [host])
            case Task():
                self._do(event)
            case Order.PAUSE | Order.RESUME:
                self._paused = event is Order.PAUSE
            case Order.ANYWAY:
                self._anyway = True
            case Order.RESCAN | Order.SURE:
                self._everything = True
                self._sure = self._sure or event is Order.SURE

    def _hear_acknowledged(self, news: News) -> None:
        try:
            self._agreement.hear(news.acknowledged)
            if self._tree is not None:
                self._tree.reconsider()
        except RecordError as error:
            logger.warning("what %s says was acknowledged is none of that: %s", news.host, error)

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
        self._everything = True
        self._retry_at = time.monotonic() + _LATEST
        self._let_go()

    def _wait_and_retry(self, reason: str) -> None:
        self._show(State.WAITING, reason)
        self._retry_at = time.monotonic() + self._retry_in
        self._retry_in = min(2 * self._retry_in, _LATEST)
        self._everything = True
        self._let_go()

    def _let_go(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
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
