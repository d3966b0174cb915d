"""Another host's repositories of a tree, as this host's threads ask it: a `repositories.Remote`."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path as FilePath
from typing import IO, Any, Final

from simulacra.actors.data.content.descriptors import write_at
from simulacra.actors.data.entries import Path
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.repository_messages import (
    AskHistory,
    AskRepositories,
    ToldRepositories,
    is_told,
)
from simulacra.actors.data.trees.sparing import Sparing
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError, Ref
from simulacra.actors.runtime.bulk import PIECE, BulkError, Ticket
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.errors import MailboxFullError, RemoteError

ANSWER: Final = 30.0
PACKING: Final = 2 * 3600.0
"""Seconds for another host to pack a long history."""
_LOOK: Final = 0.5


class RemoteRepositories:
    """See the module.

    Args:
        host: the host's name.
        ref: its actor of this tree.
        bulk: fetches bytes.
        folder: where packs are put while they are taken in.
        stopping: whether to give up waiting.
        sparing: how much is fetched at a time, and when.
    """

    def __init__(
        self,
        host: str,
        ref: Ref,
        bulk: BulkClient,
        folder: FilePath,
        stopping: Callable[[], bool],
        sparing: Sparing,
    ) -> None:
        self._sparing = sparing
        self.host = host
        self._ref = ref
        self._bulk = bulk
        self._folder = folder
        self._stopping = stopping

    def repositories(self, known: dict[bytes, bytes]) -> ToldRepositories:
        """See `repositories.Remote`."""
        told = self._ask(AskRepositories(known), ANSWER)
        if not isinstance(told, ToldRepositories) or not is_told(told):
            raise MissingError(f"{self.host} says of its repositories what is nothing known")
        return told

    def history(
        self, path: Path, wanted: Sequence[str], have: Sequence[str], shallow: Sequence[str]
    ) -> IO[bytes]:
        """See `repositories.Remote`."""
        ticket = self._ask(AskHistory(path, list(wanted), list(have), list(shallow)), PACKING)
        if not isinstance(ticket, Ticket):
            raise MissingError(f"{self.host} gives no pack")
        with ExitStack() as begun:
            file = begun.enter_context(tempfile.TemporaryFile(dir=self._folder))
            try:
                self._fetch(ticket, file.fileno())
            except BulkError as error:
                raise MissingError(f"{self.host}: {error}") from error
            file.seek(0)
            begun.pop_all()
            return file

    def _fetch(self, ticket: Ticket, descriptor: int) -> None:
        """Fetch all that a ticket is for; the rate is the tree's, whatever it is spent on."""

        def write(offset: int, data: memoryview) -> None:
            write_at(descriptor, [data], offset)

        step = min(PIECE, self._sparing.portion)
        pieces = [(at, min(step, ticket.size - at)) for at in range(0, ticket.size, step)]
        take = self._sparing.checking(write)
        for some in self._sparing.portions(pieces, lambda piece: piece[1]):
            self._bulk.collect(ticket, some, take)

    def _ask(self, question: Any, within: float) -> Any:
        """Ask, and wait for the answer, or until this host stops."""
        deadline = time.monotonic() + within
        answered = threading.Event()
        try:
            reply = self._ref.ask(question, block=False)
            reply.on_answer(lambda _: answered.set())
            while not answered.wait(_LOOK):
                if self._stopping() or time.monotonic() >= deadline:
                    reply.set_error(AskTimeoutError(f"no answer within {within:g} s"))
            return reply.get(timeout=0.0)
        except (ActorDeadError, AskTimeoutError, MailboxFullError, RemoteError, OSError) as error:
            raise MissingError(f"{self.host} does not answer: {error}") from error
