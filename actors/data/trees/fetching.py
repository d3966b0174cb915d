"""Another host's copy of a tree, as this host's threads ask it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from simulacra.actors.data.reconciling.dots import Replica
from simulacra.actors.data.reconciling.record_plain import RecordError
from simulacra.actors.data.trees.contents import MissingError, Piece
from simulacra.actors.data.trees.messages import Changed, Changes, Manifests, Pack, Packed
from simulacra.actors.data.trees.packing import unpack_context, unpack_record
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError, Ref
from simulacra.actors.runtime.bulk import BulkError
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.errors import RemoteError

_WITHIN: Final = 30.0

Take = Callable[..., int]


class RemoteTree:
    """See the module; a `contents.Remote`.

    Args:
        host: the host's name.
        ref: its actor of this tree.
        bulk: fetches bytes.
        pace: waits before so many bytes are fetched.
    """

    def __init__(
        self,
        host: str,
        ref: Ref,
        bulk: BulkClient,
        pace: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._pace = pace
        self.host = host
        self._ref = ref
        self._bulk = bulk

    def pull(self, incarnation: int, cursor: Callable[[Replica], int], take: Take) -> int:
        """Take all that it knows and this host does not, part by part; how much was new.

        Args:
            incarnation: its journal's, as it was last told; 0 if it was not.
            cursor: how far this host has heard a replica.
            take: see `LocalTree.take`.

        Raises:
            MissingError: it does not answer, or what it says is no record.
        """
        new = 0
        while True:
            after = cursor(Replica(self.host, incarnation)) if incarnation else 0
            answer: Changed = self._ask(Changes(incarnation, after))
            if answer.incarnation != incarnation:
                incarnation = answer.incarnation
                if cursor(Replica(self.host, incarnation)):
                    continue
            replica = Replica(self.host, answer.incarnation)
            try:
                records = [unpack_record(each) for each in answer.records]
                vector = None if answer.vector is None else unpack_context(answer.vector)
            except RecordError as error:
                raise MissingError(f"{self.host} says what is no record: {error}") from error
            new += take(replica, records, answer.n, vector)
            if vector is not None:
                return new

    def manifests(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """See `Remote`."""
        answer: list[bytes | None] = self._ask(Manifests(list(digests)))
        return answer

    def pieces(self, pieces: Sequence[Piece]) -> Iterator[memoryview | None]:
        """See `Remote`."""
        self._pace(sum(piece.length for piece in pieces))
        packed: Packed = self._ask(Pack([tuple(piece) for piece in pieces]))
        if packed.ticket is None:
            yield from (None for _ in pieces)
            return
        descriptor = os.memfd_create("pack", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, packed.ticket.size)
            try:
                self._bulk.fetch(packed.ticket, descriptor)
            except BulkError as error:
                raise MissingError(f"{self.host}: {error}") from error
            yield from _views(descriptor, packed)
        finally:
            os.close(descriptor)

    def fetch(self, piece: Piece, into: int) -> bool:
        """See `Remote`."""
        packed: Packed = self._ask(Pack([tuple(piece)]))
        if packed.ticket is None or packed.ticket.size != piece.length:
            return False
        try:
            self._bulk.fetch(packed.ticket, into, at=piece.offset)
        except BulkError as error:
            raise MissingError(f"{self.host}: {error}") from error
        return True

    def _ask(self, question: Any) -> Any:
        try:
            return self._ref.ask(question, timeout=_WITHIN)
        except (ActorDeadError, AskTimeoutError, RemoteError, OSError) as error:
            raise MissingError(f"{self.host} does not answer: {error}") from error


def _views(descriptor: int, packed: Packed) -> Iterator[memoryview | None]:
    size = os.fstat(descriptor).st_size
    with mmap.mmap(descriptor, max(size, 1)) as memory, memoryview(memory) as whole:
        at = 0
        for length in packed.lengths:
            if length < 0 or at + length > size:
                yield None
                continue
            with whole[at : at + length] as view:
                yield view
            at += length
