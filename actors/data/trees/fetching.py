"""Another host's copy of a tree, as this host's threads ask it.

What it answers is checked before it is used: an answer that is none, or that leads nowhere, is as
good as no answer (`MissingError`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from simulacra.actors.data.content.landing import Range
from simulacra.actors.data.entries import Content
from simulacra.actors.data.reconciling.dots import Context, Replica
from simulacra.actors.data.reconciling.record_plain import RecordError
from simulacra.actors.data.trees.asking import MissingError, Parcel, Piece, Take
from simulacra.actors.data.trees.messages import Changed, Changes, Manifests, Pack, Packed
from simulacra.actors.data.trees.packing import Heard, unpack_context, unpack_record
from simulacra.actors.data.trees.sparing import FREELY, Sparing
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError, Ref
from simulacra.actors.runtime.bulk import BulkError
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.errors import RemoteError
from simulacra.actors.runtime.futures import Reply

_WITHIN: Final = 30.0
_BYTES: Final = frozenset({bytes, memoryview})
"""As bytes come: those of 64 KiB or more as a view, as the manifest of any file over 30 MB."""

TakeRecords = Callable[..., int]


class RemoteTree:
    """See the module; a `asking.Remote`.

    Args:
        host: the host's name.
        ref: its actor of this tree.
        bulk: fetches bytes.
        sparing: how much is asked for at a time, and when.
    """

    def __init__(
        self,
        host: str,
        ref: Ref,
        bulk: BulkClient,
        sparing: Sparing = FREELY,
    ) -> None:
        self._sparing = sparing
        self.host = host
        self._ref = ref
        self._bulk = bulk

    def pull(self, incarnation: int, cursor: Callable[[Replica], int], take: TakeRecords) -> int:
        """Take all that it knows and this host does not, part by part; how much was new.

        Args:
            incarnation: its journal's, as it was last told; 0 if it was not.
            cursor: how far this host has heard a replica.
            take: see `LocalTree.take`.

        Raises:
            MissingError: it does not answer, or what it says is no record.
        """
        new = 0
        after = cursor(Replica(self.host, incarnation)) if incarnation else 0
        coming = self._begin(Changes(incarnation, after))
        while True:
            answer: Changed = self._got(coming, Changed)
            if answer.incarnation != incarnation:
                incarnation = answer.incarnation
                after = cursor(Replica(self.host, incarnation))
                if after:
                    coming = self._begin(Changes(incarnation, after))
                    continue
            records, vector = self._read(answer)
            if vector is None and answer.n <= after:
                raise MissingError(f"{self.host} tells the same again and again")
            if vector is None:  # It looks for the next ones while these are taken.
                after = answer.n
                coming = self._begin(Changes(incarnation, after))
            new += take(Replica(self.host, incarnation), records, answer.n, vector)
            if vector is not None:
                return new

    def _read(self, answer: Changed) -> tuple[list[Heard], Context | None]:
        if type(answer.n) is not int or type(answer.incarnation) is not int:
            raise MissingError(f"{self.host} says numbers that are none")
        try:
            records = [(unpack_record(each), bytes(each)) for each in answer.records]
            vector = None if answer.vector is None else unpack_context(answer.vector)
        except (RecordError, TypeError) as error:
            raise MissingError(f"{self.host} says what is no record: {error}") from error
        return records, vector

    def manifests(self, digests: Sequence[bytes]) -> list[bytes | None]:
        """See `Remote`."""
        answer = self._ask(Manifests(list(digests)), list)
        if len(answer) != len(digests) or not all(
            each is None or type(each) in _BYTES for each in answer
        ):
            raise MissingError(f"{self.host} says what are no manifests")
        return [None if each is None else bytes(each) for each in answer]

    def parcels(self, pieces: Sequence[Piece]) -> Iterator[Parcel]:
        """See `Remote`."""
        for some in self._sparing.portions(pieces, lambda piece: piece.length):
            yield self._pack(some)

    def _pack(self, pieces: Sequence[Piece]) -> Parcel:
        packed: Packed = self._ask(Pack([tuple(piece) for piece in pieces]), Packed)
        _check(self.host, packed, pieces)
        parcel = Parcel(os.memfd_create("pack", os.MFD_CLOEXEC), packed.lengths)
        if packed.ticket is None:
            return parcel
        try:
            os.ftruncate(parcel.descriptor, packed.ticket.size)
            self._bulk.fetch(packed.ticket, parcel.descriptor)
        except BulkError as error:
            parcel.close()
            raise MissingError(f"{self.host}: {error}") from error
        except BaseException:
            parcel.close()
            raise
        return parcel

    def fetch(self, content: Content, ranges: Sequence[Range], take: Take) -> None:
        """See `Remote`."""
        for some in self._sparing.portions(ranges, lambda each: each[1]):
            self._fetch(content, some, take)

    def _fetch(self, content: Content, ranges: Sequence[Range], take: Take) -> None:
        whole = Piece(content.digest, 0, content.size)
        packed: Packed = self._ask(Pack([tuple(whole)]), Packed)
        _check(self.host, packed, [whole])
        if packed.ticket is None or packed.ticket.size != whole.length:
            raise MissingError(f"{self.host} has it not")
        try:
            self._bulk.collect(packed.ticket, ranges, self._sparing.checking(take))
        except BulkError as error:
            raise MissingError(f"{self.host}: {error}") from error

    def _ask(self, question: Any, kind: type[Any]) -> Any:
        return self._got(self._begin(question), kind)

    def _begin(self, question: Any) -> Reply:
        """Ask, and do not wait."""
        reply = Reply(_WITHIN)
        self._ref.forward(question, reply)
        return reply

    def _got(self, reply: Reply, kind: type[Any]) -> Any:
        try:
            answer = reply.get(timeout=_WITHIN)
        except (ActorDeadError, AskTimeoutError, RemoteError, OSError) as error:
            reply.set_error(error)  # nobody need keep it any more
            raise MissingError(f"{self.host} does not answer: {error}") from error
        if type(answer) is not kind:
            raise MissingError(f"{self.host} answers with what is no answer")
        return answer


def _check(host: str, packed: Packed, pieces: Sequence[Piece]) -> None:
    """Refuse to take more than was asked for."""
    lengths = packed.lengths
    right = (
        type(lengths) is list
        and len(lengths) == len(pieces)
        and all(type(length) is int for length in lengths)
        and all(length <= piece.length for length, piece in zip(lengths, pieces, strict=True))
    )
    if not right or (
        packed.ticket is not None
        and packed.ticket.size != sum(each for each in lengths if each > 0)
    ):
        raise MissingError(f"{host} has packed something else than it was asked for")
