"""The thread that keeps one tree in step: it scans, hears others, and brings the disk up to date.

It is told what may have changed (`Worker.tell`) and works in rounds (`rounds`), each begun by what
it is told, or when it is time. What could not be done is tried again, at first soon (`retrying`).

Something that needs the user *halts* it, with the reason, until the user has answered: the root is
gone, or more than half of the tree is. A disk that takes nothing makes it wait and try again, and
so does a root that is another folder again and again, or that another process has.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from simulacra.actors.data.applying.folders import RootLostError, RootTakenError
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.content.versions import VersionsError
from simulacra.actors.data.scanning.index_database import IndexUnusableError
from simulacra.actors.data.scanning.roots import RootError
from simulacra.actors.data.scanning.watching import Hint
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.intake import DoubtError
from simulacra.actors.data.trees.messages import News
from simulacra.actors.data.trees.orders import Event, Met, Order, Task
from simulacra.actors.data.trees.others import Others
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.repository_worker import Looked
from simulacra.actors.data.trees.retrying import Retrying
from simulacra.actors.data.trees.rounds import Rounds
from simulacra.actors.data.trees.sparing import Sparing
from simulacra.actors.data.trees.standing import Board, Standing, State
from simulacra.actors.databases import DatabaseError

logger = logging.getLogger(__name__)

_LOOK: Final = 1.0
"""Hosts may appear, of which nobody tells: so often it is looked."""

_DISK = (sqlite3.Error, DatabaseError, IndexUnusableError, VersionsError, RefusedError, OSError)


class Worker:
    """See the module; running from `start` to `close`.

    Args:
        place: where the tree is.
        definition: which tree, and what of it is wanted here.
        others: the other hosts that have it.
        sparing: what waits, and how fast the rest is fetched; halted while this is paused.
        looked: told after each round, for the git repositories.

    Attributes:
        rounds: what is done in the thread; for tasks alone.
    """

    def __init__(
        self,
        place: Place,
        definition: Definition,
        others: Others,
        sparing: Sparing,
        looked: Callable[[Looked], None] = lambda _: None,
    ) -> None:
        self._root = place.root
        self._sparing = sparing
        self._board = Board()
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tree@{place.host}", daemon=True)
        # of the thread alone:
        self.rounds = Rounds(place, definition, others, sparing, self._board, self.tell, looked)
        self._paused = definition.paused
        self._retrying = Retrying()

    @property
    def standing(self) -> Standing:
        """How the tree is; for any thread."""
        return self._board.standing

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
            self.rounds.close()
            self._refuse_tasks()

    def _turn(self) -> None:
        try:
            self._round()
        except (RootError, DoubtError) as error:
            self._halt(str(error))
        except RootLostError as error:
            if self.rounds.tree is None:
                self._halt(str(error))
            else:  # Another folder is in its place: what is to be thought of it is seen then.
                self._wait_and_retry(str(error), at_once=True)
        except RootTakenError as error:
            self._wait_and_retry(str(error))
        except _DISK as error:
            logger.warning("tree %s: %s", self._root, error)
            self._wait_and_retry(str(error))
        except Exception as error:
            logger.exception("tree %s: this is a mistake in Simulacra", self._root)
            self._wait_and_retry(f"a mistake in Simulacra: {type(error).__name__}: {error}")
        self._board.note(retry_at=self._retrying.at)
        self._hear_events()

    def _round(self) -> None:
        if self._paused:
            self._show(State.PAUSED)
            self._retrying.done()
        elif not self.rounds.round():
            self._retrying.again()
        else:
            self._retrying.done()
            self._sparing.anyway = False
            if self._events.empty() and self.rounds.remember():
                self._retrying.now()

    def _halt(self, reason: str) -> None:
        self._show(State.HALTED, reason)
        self._retrying.seldom()
        self.rounds.close()

    def _wait_and_retry(self, reason: str, *, at_once: bool = False) -> None:
        self._show(State.WAITING, reason)
        self._retrying.again(at_once=at_once)
        self.rounds.close()

    def _show(self, state: State, reason: str = "") -> None:
        tree = self.rounds.tree
        self._board.show(state, reason, None if tree is None else tree.journal)

    # -- events

    def _hear_events(self) -> None:
        """Wait for something to happen, and take in all that did."""
        due = float("inf") if self._paused else min(self._retrying.at, self.rounds.due)
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

    def _greet(self) -> None:
        tree = self.rounds.tree
        self.rounds.hearsay.greet(None if tree is None else tree.journal, self.standing.shows)

    def _take_in(self, event: Event) -> None:
        match event:
            case Hint():
                self.rounds.lookout.hint(event)
            case News():
                self._hear_of(event)
            case Met(host):
                if (tree := self.rounds.tree) is not None:
                    self.rounds.hearsay.tell(tree.journal, self.standing.shows, [host])
            case Task():
                self._do(event)
            case Order.PAUSE | Order.RESUME:
                self._paused = event is Order.PAUSE
            case Order.ANYWAY:
                self._sparing.anyway = True
            case Order.RESCAN | Order.SURE:
                self.rounds.lookout.expect_anything()
                self.rounds.sure = self.rounds.sure or event is Order.SURE

    def _hear_of(self, news: News) -> None:
        hearsay, tree = self.rounds.hearsay, self.rounds.tree
        if hearsay.note(news) and tree is not None:
            tree.reconsider()
            hearsay.answer(tree.journal, self.standing.shows, news)

    def _do(self, task: Task) -> None:
        if self.rounds.tree is None:
            task.reply.set_error(OSError(self.standing.reason or "the tree is not open yet"))
            return
        try:
            task.reply.set(task.run(self.rounds.tree))
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            task.reply.set_error(error)

    def _refuse_tasks(self) -> None:
        while not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, Task):
                event.reply.set_error(OSError("the tree is being closed"))
