"""The actor of one tree on this host: hears the other hosts' actors, and has a `Worker` at work.

It is registered as ``tree.ID`` on every host that has the tree. What others ask is answered by
other threads (`answering`), and it never touches the disk itself.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from simulacra.actors.data.entries import ROOT, Path, folders_above
from simulacra.actors.data.scanning.ignoring import EVERYTHING
from simulacra.actors.data.scanning.watching import Hint
from simulacra.actors.data.trees.answering import Answering
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.messages import Changes, Manifests, News, Pack
from simulacra.actors.data.trees.only_here import AskOnlyHere
from simulacra.actors.data.trees.orders import Met, Order, Task
from simulacra.actors.data.trees.others import Others
from simulacra.actors.data.trees.packing import pack_context
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.questions import (
    CountConflicts,
    Doing,
    ListConflicts,
    ListVersions,
    RestoreVersion,
    Settle,
    ShowFile,
    do,
)
from simulacra.actors.data.trees.repositories import Repositories
from simulacra.actors.data.trees.repositories_here import RepositoriesHere
from simulacra.actors.data.trees.repository_asking import RemoteRepositories
from simulacra.actors.data.trees.repository_messages import (
    AskHistory,
    AskRepositories,
    RepositoryNews,
)
from simulacra.actors.data.trees.repository_worker import Pause, RepositoryWorker
from simulacra.actors.data.trees.settling import merges
from simulacra.actors.data.trees.sparing import Line, Sparing
from simulacra.actors.data.trees.worker import Worker
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.bulk_server import BulkServer
from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.wire_types import register

logger = logging.getLogger(__name__)


def actor_name(tree: str) -> str:
    """What the actor of a tree is registered as."""
    return f"tree.{tree}"


def copy_on(tree: str, host: str) -> str:
    """The name of the actor of a host's copy of a tree, for any host."""
    return f"{actor_name(tree)}@{host}"


@dataclass(frozen=True)
class Means:
    """What the node gives a tree to work with.

    Attributes:
        bulk_server: offers bytes.
        bulk_client: fetches them.
        holders: the hosts that have a tree with that id, the main store's first; this one too.
        connected: the hosts that are connected now.
        line: how this host is connected now.
        identity: this host's signing key, in hexadecimal; empty without one.
        complete: the hosts that have all of a tree with that id, the main store's first, others by
            name.
    """

    bulk_server: BulkServer
    bulk_client: BulkClient
    holders: Callable[[str], Sequence[str]]
    connected: Callable[[], Iterable[str]]
    complete: Callable[[str], Sequence[str]]
    line: Callable[[], Line]
    identity: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class ReachOf:
    """What is known here, when all is done that was begun? As `packing.pack_context` has it."""


@register("tree.show")
@dataclass(frozen=True, slots=True)
class ShowTree:
    """How is the tree here? Answered with a `Standing` as plain data."""


@register("tree.look")
@dataclass(frozen=True, slots=True)
class LookAtAll:
    """Look at all of it soon; `ShowTree` says when that was done, by its ``scans``."""


@register("tree.branches")
@dataclass(frozen=True, slots=True)
class ShowBranches:
    """Which conflicts are in the tree's git repositories? Answered with a list of plain data.

    Each has ``tree``, ``path`` (of the repository), ``kind`` (``branch``, ``tag``, ``head``,
    ``index``, ``ref``), ``name``, ``sides`` (what is in its place first: ``host``, ``commit``,
    ``subject``, ``time``) and ``settle``, the command that settles it there.

    Attributes:
        tree: what the tree is called.
    """

    tree: str


class Tree(Actor):
    """See the module.

    Args:
        definition: which tree.
        place: where it is here.
        means: what the node gives.
    """

    def __init__(self, definition: Definition, place: Place, means: Means) -> None:
        self._id = definition.id
        self._choice = definition.choice()
        self._place = place
        self._means = means
        self._sparing = Sparing(definition.name, definition.rate, means.line, self._others)
        self._repositories = RepositoriesHere(place, _wants(definition))
        self._repository_worker = RepositoryWorker(
            Repositories(self._repositories),
            self._remote_repositories,
            self._others,
            self._announce_repositories,
            lambda: self._worker.tell(Hint(frozenset([ROOT]))),
            paused=definition.paused,
        )
        others = Others(
            self._remote,
            self._others,
            self._announce,
            lambda: means.holders(definition.id),
            lambda: means.complete(definition.id),
            self._merges,
        )
        self._worker = Worker(
            place, definition, others, self._sparing, self._repository_worker.tell
        )
        self._answering = Answering(
            place,
            self._choice,
            means.bulk_server,
            self._repositories,
            self._reasons,
            self._repository_worker.is_stopping,
        )

    def on_start(self) -> None:
        """Begin to work."""
        self._repository_worker.start()
        self._worker.start()

    def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002 - whatever it is
        """Stop the work."""
        self._worker.close()
        self._repository_worker.close()
        self._answering.close()

    def on_receive(self, message: Any) -> Any:
        """Pass on what happened, and have questions answered."""
        match message:
            case News() | Met() | Order():
                self._worker.tell(message)
                if message is Order.PAUSE or message is Order.RESUME:
                    self._repository_worker.tell(Pause(message is Order.PAUSE))
            case RepositoryNews():
                self._repository_worker.tell(message)
            case ShowTree():
                return self._shown()
            case ShowBranches(tree):
                conflicts = self._repository_worker.standing.conflicts
                return [each.to_plain(tree) for each in conflicts]
            case LookAtAll():
                self._worker.tell(Order.RESCAN)
            case (
                Changes()
                | Manifests()
                | Pack()
                | ListConflicts()
                | CountConflicts()
                | ShowFile()
                | AskRepositories()
                | AskHistory()
            ):
                self._answering.answer(message, self.defer_reply())
            case ReachOf() | AskOnlyHere() | Settle() | ListVersions() | RestoreVersion():
                self._do(message)
            case _:
                self.refuse(message)
        return None

    # -- the others

    def _others(self) -> list[str]:
        connected = set(self._means.connected())
        here = self._place.host
        return [host for host in self._means.holders(self._id) if host in connected - {here}]

    def _remote(self, host: str) -> RemoteTree:
        ref = self.system.ref(copy_on(self._id, host))
        return RemoteTree(host, ref, self._means.bulk_client, self._sparing)

    def _announce(self, hosts: Iterable[str], news: News | RepositoryNews) -> None:
        for host in hosts:
            try:
                self.system.ref(copy_on(self._id, host)).tell(news)
            except MailboxFullError:
                logger.debug("%s is not told of news: it has too much mail", host)

    def _merges(self) -> bool:
        return merges(self._place.host, self._means.complete(self._id), self._means.connected())

    def _do(self, message: ReachOf | AskOnlyHere | Doing) -> None:
        """Have it done in the tree's thread, which looks at what became of it then."""
        self._worker.tell(Task(lambda tree: self._in_thread(tree, message), self.defer_reply()))
        if isinstance(message, RestoreVersion):
            path = message.path if message.to is None else message.to
            self._worker.tell(Hint(frozenset(folders_above(path))))

    def _in_thread(self, tree: LocalTree, message: ReachOf | AskOnlyHere | Doing) -> Any:
        match message:
            case ReachOf():
                return pack_context(tree.journal.vector)
            case AskOnlyHere():
                return self._worker.rounds.only_here(tree, message)
            case _:
                return do(tree, message)

    def _remote_repositories(self, host: str) -> RemoteRepositories:
        ref = self.system.ref(copy_on(self._id, host))
        bulk, folder = self._means.bulk_client, self._place.state
        return RemoteRepositories(
            host, ref, bulk, folder, self._repository_worker.is_stopping, self._sparing
        )

    def _announce_repositories(self, host: str, digest: bytes, ask: bool) -> None:
        self._announce([host], RepositoryNews(self._place.host, digest, ask))

    def _reasons(self) -> dict[Path, str]:
        standing = self._worker.standing
        return {**standing.skipped, **standing.left}

    def _shown(self) -> dict[str, Any]:
        plain = self._worker.standing.to_plain()
        repositories = self._repository_worker.standing.to_plain()
        trouble = {".git": repositories["trouble"]} if repositories["trouble"] else {}
        skipped = {**trouble, **repositories["held"], **plain["skipped"]}
        return {**plain, "skipped": skipped, "repositories": repositories}


def _wants(definition: Definition) -> Callable[[Path], bool]:
    """Whether a path of a git folder is wanted here."""
    choice = definition.choice()
    return lambda path: choice is EVERYTHING or not choice.ignores(os.fsdecode(path))
