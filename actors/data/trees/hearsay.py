"""What other hosts say of a tree, and what they are told of this host's copy.

A host is told when something is new here, when it is there and was not, when it says less than what
is known here, and all are each half minute, since news can be lost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from simulacra.actors.data.reconciling.dots import Context, Replica, includes
from simulacra.actors.data.reconciling.record_plain import RecordError
from simulacra.actors.data.trees.agreement import Agreement
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.messages import News
from simulacra.actors.data.trees.packing import pack_context, unpack_context

logger = logging.getLogger(__name__)

COMPARE: Final = 30.0


class Hearsay:
    """See the module; used by the tree's thread.

    Args:
        remote: another host's copy, by the host's name.
        hosts: the hosts that have it and are connected now, the main store's first.
        announce: tells hosts what is new here.
        agreement: who has acknowledged what.
    """

    def __init__(
        self,
        remote: Callable[[str], RemoteTree],
        hosts: Callable[[], Sequence[str]],
        announce: Callable[[Iterable[str], News], None],
        agreement: Agreement,
    ) -> None:
        self._remote = remote
        self._hosts = hosts
        self._announce = announce
        self._agreement = agreement
        self._news: dict[str, News] = {}
        self._announced: tuple[Any, ...] = ()
        self._greeted: frozenset[str] = frozenset()
        self._compared_at = float("-inf")

    # -- hearing

    def note(self, news: News) -> bool:
        """Take in what a host says; whether it is news at all."""
        if not _is_news(news):
            return False
        self._news[news.host] = news
        try:
            self._agreement.hear(news.acknowledged)
        except RecordError as error:
            logger.warning("what %s says was acknowledged is none of that: %s", news.host, error)
        return True

    def unheard(self, journal: Journal) -> Iterator[str]:
        """The connected hosts of which not all was heard; each as it is when it is drawn."""
        for host in self._hosts():
            news = self._news.get(host)
            if news is not None and _is_new(journal, news):
                yield host

    def pull(self, tree: LocalTree, host: str) -> None:
        """Take all that a host knows.

        Raises:
            MissingError: it does not answer, or what it says is no record.
        """
        incarnation = self._news[host].incarnation
        self._remote(host).pull(incarnation, tree.journal.cursor, tree.take)

    # -- telling

    @property
    def due(self) -> float:
        """When all are told again, by the monotonic clock."""
        return self._compared_at + COMPARE

    def tell(self, journal: Journal, shows: Any, hosts: Iterable[str] | None = None) -> None:
        """Tell these hosts how far this one is; or all, if they were not told.

        Args:
            journal: what is known here.
            shows: what the disk shows, as `standing.Standing` has it.
            hosts: whom.
        """
        now = time.monotonic()
        state = (journal.last, shows)
        if hosts is None and state == self._announced and now < self.due:
            return
        replica = journal.author.replica
        vector, told = pack_context(journal.vector), self._agreement.told()
        news = News(replica.host, replica.incarnation, journal.last, vector, told)
        if hosts is None:
            self._announced, self._compared_at = state, now
            hosts = self._greeted = frozenset(self._hosts())
        self._announce(hosts, news)

    def greet(self, journal: Journal | None, shows: Any) -> None:
        """Tell hosts that were not there before, or not known to have the tree."""
        there = frozenset(self._hosts())
        if journal is not None and there - self._greeted:
            self.tell(journal, shows, there - self._greeted)
        self._greeted = there

    def answer(self, journal: Journal, shows: Any, news: News) -> None:
        """Tell a host that has not heard of all that was heard of here."""
        if _lacks(news, journal.vector):
            self.tell(journal, shows, [news.host])


def _lacks(news: News, vector: Context) -> bool:
    """Whether a host has not heard of all that was heard of here; of an empty tree, of anything."""
    try:
        heard = unpack_context(news.vector)
        return not includes(heard, vector) or bool(vector and not heard)
    except RecordError:
        logger.warning("what %s says of a tree is no news", news.host)
        return False


def _is_new(journal: Journal, news: News) -> bool:
    # Whoever imports has heard of nothing; of an empty tree something is heard all the same.
    unheard = not journal.vector and bool(news.vector)
    return unheard or journal.cursor(Replica(news.host, news.incarnation)) < news.last


def _is_news(news: News) -> bool:
    numbers = type(news.incarnation) is int and type(news.last) is int
    if not (numbers and type(news.host) is str):
        logger.warning("what a host says of a tree is no news: %r", news)
        return False
    return True
