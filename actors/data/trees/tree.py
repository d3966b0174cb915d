"""The actor of one tree on this host: hears the other hosts' actors, and has a `Worker` at work.

It is registered as ``tree.ID`` on every host that has the tree. What others ask is answered by a
thread of its own, so that no question waits for a scan, and what they ask of git repositories by
another one, as packing a long history takes its time. It never touches the disk itself.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.data.entries import ROOT, Path, folders_above
from simulacra.actors.data.git.command import STOPPING
from simulacra.actors.data.scanning.ignoring import EVERYTHING
from simulacra.actors.data.scanning.watching import Hint
from simulacra.actors.data.trees.asking import Piece
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.messages import Changed, Changes, Manifests, News, Pack, Packed
from simulacra.actors.data.trees.only_here import AskOnlyHere
from simulacra.actors.data.trees.orders import Met, Order, Task
from simulacra.actors.data.trees.others import Others
from simulacra.actors.data.trees.packing import pack_context
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.questions import (
    CountConflicts,
    Doing,
    Here,
    ListConflicts,
    ListVersions,
    Reading,
    RestoreVersion,
    Settle,
    ShowFile,
    do,
    read,
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
from simulacra.actors.data.trees.serving import Server
from simulacra.actors.data.trees.settling import merges
from simulacra.actors.data.trees.sparing import Line, Sparing
from simulacra.actors.data.trees.worker import Worker
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.bulk import Ticket
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.bulk_offers import Parts
from simulacra.actors.runtime.bulk_server import BulkServer
from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.wire_types import register

logger = logging.getLogger(__name__)

_Question = Changes | Manifests | Pack | Reading | AskRepositories
_RECORDS: Final = 2000
_PIECES: Final = 20_000
_WAITING: Final = 64
_OFFERED: Final = 16
"""Packs that are offered at a time, in memory: each host fetches one, and asks for one more."""


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
        self._asked = self._asked_to_pack = 0
        self._server: Server | None = None
        self._offered: deque[Ticket] = deque()
        self._pool = ThreadPoolExecutor(1, f"tree-answers@{place.host}")
        self._packers = ThreadPoolExecutor(1, f"tree-histories@{place.host}", _kill_git_by, (self,))
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

    def on_start(self) -> None:
        """Begin to work."""
        self._repository_worker.start()
        self._worker.start()

    def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002 - whatever it is
        """Stop the work."""
        self._worker.close()
        self._repository_worker.close()
        self._packers.shutdown(cancel_futures=True)
        self._pool.submit(self._close_server)
        self._pool.shutdown()

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
            ):
                self._answer(message)
            case AskHistory():
                self._answer_history(message)
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

    def _shown(self) -> dict[str, Any]:
        plain = self._worker.standing.to_plain()
        repositories = self._repository_worker.standing.to_plain()
        trouble = {".git": repositories["trouble"]} if repositories["trouble"] else {}
        skipped = {**trouble, **repositories["held"], **plain["skipped"]}
        return {**plain, "skipped": skipped, "repositories": repositories}

    # -- answering, in the pool's thread

    def _answer(self, question: _Question) -> None:
        reply = self.defer_reply()
        if self._asked >= _WAITING:
            reply.set_error(OSError("too many ask at once; try again"))
            return
        self._asked += 1
        self._pool.submit(self._answer_in_thread, question, reply)

    def _answer_in_thread(self, question: _Question, reply: Reply) -> None:
        try:
            if self._server is not None and not self._server.is_of_root():
                self._close_server()
            if self._server is None:
                self._server = Server(self._place)
            reply.set(self._look_up(self._server, question))
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            self._close_server()
            reply.set_error(OSError(f"{type(error).__name__}: {error}"))
        finally:
            self._asked -= 1

    def _look_up(self, server: Server, question: _Question) -> Any:
        match question:
            case Changes(incarnation, after):
                return _changed(server, incarnation, after)
            case Manifests(digests):
                return [server.reader.manifest(digest) for digest in digests]
            case Pack(pieces):
                return self._pack(server, [Piece(*piece) for piece in pieces[:_PIECES]])
            case ListConflicts() | CountConflicts() | ShowFile():
                standing = self._worker.standing
                reasons = {**standing.skipped, **standing.left}
                return read(server.reader, Here(self._place, self._choice, reasons), question)
            case AskRepositories(known):
                return self._repositories.tell(known)

    def _pack(self, server: Server, pieces: Sequence[Piece]) -> Packed:
        """Offer pieces: a single one as it lies in its file, several as a copy of them."""
        if len(pieces) == 1:
            return self._offer_part(server, pieces[0])
        descriptor = os.memfd_create("pack", os.MFD_CLOEXEC)
        try:
            lengths = server.pack(pieces, descriptor)
            if all(length < 0 for length in lengths):
                return Packed(None, lengths)
            return Packed(self._offer(descriptor), lengths)
        finally:
            os.close(descriptor)

    def _offer_part(self, server: Server, piece: Piece) -> Packed:
        descriptor = server.find(piece.digest)
        if descriptor is None:
            return Packed(None, [-1])
        try:
            part = (piece.offset, piece.length)
            return Packed(self._offer(descriptor, [part]), [piece.length])
        finally:
            os.close(descriptor)

    def _offer(self, descriptor: int, parts: Parts | None = None) -> Ticket:
        """Offer something; of what was offered before, only the latest still is."""
        ticket = self._means.bulk_server.offer(descriptor, parts)
        self._offered.append(ticket)
        if len(self._offered) > _OFFERED:
            self._means.bulk_server.withdraw(self._offered.popleft())
        return ticket

    def _answer_history(self, question: AskHistory) -> None:
        reply = self.defer_reply()
        if self._asked_to_pack >= _WAITING:
            reply.set_error(OSError("too many ask at once; try again"))
            return
        self._asked_to_pack += 1
        self._packers.submit(self._pack_history, question, reply)

    def _pack_history(self, asked: AskHistory, reply: Reply) -> None:
        try:
            with tempfile.TemporaryFile(dir=self._place.state) as out:
                found = asked.wanted, asked.have, asked.shallow
                self._repositories.pack(asked.path, *found, out)
                out.flush()
                reply.set(self._means.bulk_server.offer(out.fileno()))
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            reply.set_error(OSError(str(error)))
        finally:
            self._asked_to_pack -= 1

    def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def _kill_git_by(tree: Tree) -> None:
    STOPPING.set(tree._repository_worker.is_stopping)  # noqa: SLF001


def _wants(definition: Definition) -> Callable[[Path], bool]:
    """Whether a path of a git folder is wanted here."""
    choice = definition.choice()
    return lambda path: choice is EVERYTHING or not choice.ignores(os.fsdecode(path))


def _changed(server: Server, incarnation: int, after: int) -> Changed:
    replica, last, vector = server.reader.state()
    begin = after if incarnation == replica.incarnation else 0
    changes = server.reader.changes(begin, _RECORDS)
    complete = len(changes) < _RECORDS
    n = changes[-1][0] if changes and not complete else max(last, begin)
    said = pack_context(vector) if complete else None
    return Changed(replica.incarnation, [record for _, record in changes], n, said)
