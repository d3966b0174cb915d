"""What other hosts ask of a tree, answered by threads of its own.

One answers from the journal and the disk, so that no question waits for a scan, and another one
packs what git has, as a long history takes its time. Of each so many may wait; who is one too many
is told to ask again.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from simulacra.actors.data.entries import Path
from simulacra.actors.data.git.command import STOPPING
from simulacra.actors.data.scanning.ignoring import Choice
from simulacra.actors.data.trees.asking import Piece
from simulacra.actors.data.trees.messages import Changed, Changes, Manifests, Pack, Packed
from simulacra.actors.data.trees.packing import pack_context
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.questions import Here, Reading, read
from simulacra.actors.data.trees.repositories_here import RepositoriesHere
from simulacra.actors.data.trees.repository_messages import AskHistory, AskRepositories
from simulacra.actors.data.trees.serving import Server
from simulacra.actors.runtime.bulk import Ticket
from simulacra.actors.runtime.bulk_offers import Parts
from simulacra.actors.runtime.bulk_server import BulkServer
from simulacra.actors.runtime.futures import Reply

Question = Changes | Manifests | Pack | Reading | AskRepositories | AskHistory

_RECORDS: Final = 2000
_PIECES: Final = 20_000
_WAITING: Final = 64
_OFFERED: Final = 16
"""Packs that are offered at a time, in memory: each host fetches one, and asks for one more."""


class Answering:
    """See the module.

    Args:
        place: where the tree is.
        choice: what of it is wanted here.
        bulk_server: offers bytes.
        repositories: those that are here.
        reasons: why paths are not as they should be, now.
        stopping: whether git is to be killed.
    """

    def __init__(
        self,
        place: Place,
        choice: Choice,
        bulk_server: BulkServer,
        repositories: RepositoriesHere,
        reasons: Callable[[], Mapping[Path, str]],
        stopping: Callable[[], bool],
    ) -> None:
        self._place = place
        self._choice = choice
        self._bulk_server = bulk_server
        self._repositories = repositories
        self._reasons = reasons
        self._server: Server | None = None
        self._offered: deque[Ticket] = deque()
        self._answers = _Queue(f"tree-answers@{place.host}")
        self._histories = _Queue(f"tree-histories@{place.host}", lambda: STOPPING.set(stopping))

    def answer(self, question: Question, reply: Reply) -> None:
        """Have a question answered, with an OSError where that cannot be done."""
        if isinstance(question, AskHistory):
            self._histories.put(reply, lambda: self._pack_history(question))
        else:
            self._answers.put(reply, lambda: self._look_up(question))

    def close(self) -> None:
        """Answer what was asked, but no histories any more, and let go of all."""
        self._histories.close()
        self._answers.close(self._close_server)

    # -- in the first thread

    def _look_up(self, question: Question) -> Any:
        try:
            if self._server is not None and not self._server.is_of_root():
                self._close_server()
            if self._server is None:
                self._server = Server(self._place)
            return self._answered(self._server, question)
        except Exception:
            self._close_server()
            raise

    def _answered(self, server: Server, question: Question) -> Any:
        match question:
            case Changes(incarnation, after):
                return _changed(server, incarnation, after)
            case Manifests(digests):
                return [server.reader.manifest(digest) for digest in digests]
            case Pack(pieces):
                return self._pack(server, [Piece(*piece) for piece in pieces[:_PIECES]])
            case AskRepositories(known):
                return self._repositories.tell(known)
            case AskHistory():
                raise TypeError("histories are packed by another thread")
            case _:
                here = Here(self._place, self._choice, dict(self._reasons()))
                return read(server.reader, here, question)

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
        ticket = self._bulk_server.offer(descriptor, parts)
        self._offered.append(ticket)
        if len(self._offered) > _OFFERED:
            self._bulk_server.withdraw(self._offered.popleft())
        return ticket

    def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    # -- in the second one

    def _pack_history(self, asked: AskHistory) -> Ticket:
        with tempfile.TemporaryFile(dir=self._place.state) as out:
            found = asked.wanted, asked.have, asked.shallow
            self._repositories.pack(asked.path, *found, out)
            out.flush()
            return self._bulk_server.offer(out.fileno())


class _Queue:
    """A thread that answers one question after the other.

    Args:
        name: the thread's.
        begin: done in it first.
    """

    def __init__(self, name: str, begin: Callable[[], object] = lambda: None) -> None:
        self._room = threading.Semaphore(_WAITING)
        self._pool = ThreadPoolExecutor(1, name, begin)

    def put(self, reply: Reply, answer: Callable[[], Any]) -> None:
        """Have a question answered."""
        if self._room.acquire(blocking=False):
            self._pool.submit(self._answer, reply, answer)
        else:
            reply.set_error(OSError("too many ask at once; try again"))

    def close(self, last: Callable[[], object] | None = None) -> None:
        """Wait until the one that is begun is answered; or all, and this is done last."""
        if last is not None:
            self._pool.submit(last)
        self._pool.shutdown(cancel_futures=last is None)

    def _answer(self, reply: Reply, answer: Callable[[], Any]) -> None:
        try:
            try:
                found = answer()
            finally:  # Whoever was answered may ask at once.
                self._room.release()
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            reply.set_error(OSError(f"{type(error).__name__}: {error}"))
        else:
            reply.set(found)


def _changed(server: Server, incarnation: int, after: int) -> Changed:
    replica, last, vector = server.reader.state()
    begin = after if incarnation == replica.incarnation else 0
    changes = server.reader.changes(begin, _RECORDS)
    complete = len(changes) < _RECORDS
    n = changes[-1][0] if changes and not complete else max(last, begin)
    said = pack_context(vector) if complete else None
    return Changed(replica.incarnation, [record for _, record in changes], n, said)
