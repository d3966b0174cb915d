"""The actor of one tree on this host: hears the other hosts' actors, and has a `Worker` at work.

It is registered as ``tree.ID`` on every host that has the tree. What others ask is answered by a
thread of its own, so that no question waits for a scan. It never touches the disk itself.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.data.entries import folders_above
from simulacra.actors.data.scanning.watching import Hint
from simulacra.actors.data.trees.contents import Piece
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.messages import Changed, Changes, Manifests, News, Pack, Packed
from simulacra.actors.data.trees.packing import pack_context
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.questions import (
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
from simulacra.actors.data.trees.serving import Server
from simulacra.actors.data.trees.settling import merges
from simulacra.actors.data.trees.worker import Met, Order, Task, Worker
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.bulk import BulkServer, Parts, Ticket
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.wire_types import register

logger = logging.getLogger(__name__)

_Question = Changes | Manifests | Pack | Reading
_RECORDS: Final = 5000
_PIECES: Final = 20_000
_WAITING: Final = 64
_OFFERED: Final = 16
"""Packs that are offered at a time, in memory: each host fetches one, and asks for one more."""


def actor_name(tree: str) -> str:
    """What the actor of a tree is registered as."""
    return f"tree.{tree}"


@dataclass(frozen=True)
class Means:
    """What the node gives a tree to work with.

    Attributes:
        bulk_server: offers bytes.
        bulk_client: fetches them.
        holders: the hosts that have a tree with that id, the main store's first; this one too.
        connected: the hosts that are connected now.
        identity: this host's signing key, in hexadecimal; empty without one.
        complete: the hosts that have all of a tree with that id, the main store's first, others by
            name.
    """

    bulk_server: BulkServer
    bulk_client: BulkClient
    holders: Callable[[str], Sequence[str]]
    connected: Callable[[], Iterable[str]]
    complete: Callable[[str], Sequence[str]]
    identity: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class ReachOf:
    """What is known here, when all is done that was begun? As `packing.pack_context` has it."""


@register("tree.show")
@dataclass(frozen=True, slots=True)
class ShowTree:
    """How is the tree here? Answered with a `Standing` as plain data."""


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
        self._asked = 0
        self._server: Server | None = None
        self._offered: deque[Ticket] = deque()
        self._pool = ThreadPoolExecutor(1, f"tree-answers@{place.host}")
        self._worker = Worker(
            place,
            self._remote,
            self._others,
            self._announce,
            definition,
            lambda: means.holders(definition.id),
            self._merges,
        )

    def on_start(self) -> None:
        """Begin to work."""
        self._worker.start()

    def on_stop(self, reason: ExitReason) -> None:  # noqa: ARG002 - whatever it is
        """Stop the work."""
        self._worker.close()
        self._pool.submit(self._close_server)
        self._pool.shutdown()

    def on_receive(self, message: Any) -> Any:
        """Pass on what happened, and have questions answered."""
        match message:
            case News() | Met() | Order():
                self._worker.tell(message)
            case ShowTree():
                return self._worker.standing.to_plain()
            case ReachOf():
                reach = Task(lambda tree: pack_context(tree.journal.vector), self.defer_reply())
                self._worker.tell(reach)
            case Changes() | Manifests() | Pack() | ListConflicts() | ShowFile():
                self._answer(message)
            case Settle() | ListVersions() | RestoreVersion():
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
        ref = self.system.ref(f"{actor_name(self._id)}@{host}")
        return RemoteTree(host, ref, self._means.bulk_client)

    def _announce(self, hosts: Iterable[str], news: News) -> None:
        for host in hosts:
            try:
                self.system.ref(f"{actor_name(self._id)}@{host}").tell(news)
            except MailboxFullError:
                logger.debug("%s is not told of news: it has too much mail", host)

    def _merges(self) -> bool:
        return merges(self._place.host, self._means.complete(self._id), self._means.connected())

    def _do(self, message: Doing) -> None:
        """Have it done in the tree's thread, which looks at what became of it then."""
        self._worker.tell(Task(lambda tree: do(tree, message), self.defer_reply()))
        if isinstance(message, RestoreVersion):
            path = message.path if message.to is None else message.to
            self._worker.tell(Hint(frozenset(folders_above(path))))

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
            case ListConflicts() | ShowFile():
                standing = self._worker.standing
                reasons = {**standing.skipped, **standing.left}
                return read(server.reader, Here(self._place, self._choice, reasons), question)

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

    def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


def _changed(server: Server, incarnation: int, after: int) -> Changed:
    replica, last, vector = server.reader.state()
    begin = after if incarnation == replica.incarnation else 0
    changes = server.reader.changes(begin, _RECORDS)
    complete = len(changes) < _RECORDS
    n = changes[-1][0] if changes and not complete else max(last, begin)
    said = pack_context(vector) if complete else None
    return Changed(replica.incarnation, [record for _, record in changes], n, said)
