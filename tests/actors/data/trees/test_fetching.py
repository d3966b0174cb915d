"""Another host's copy is asked, and nothing that it answers is believed unseen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from simulacra.actors.data.content.landing import Range
from simulacra.actors.data.entries import Content, Kind
from simulacra.actors.data.reconciling.dots import Replica
from simulacra.actors.data.trees import fetching
from simulacra.actors.data.trees.asking import MissingError, Piece, Take, views
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.messages import Changed, Changes, Pack, Packed
from simulacra.actors.data.trees.sparing import FREELY, SMALLEST, Sparing
from simulacra.actors.runtime import Actor, ActorSystem, Ref
from simulacra.actors.runtime.bulk import BulkError, Ticket
from simulacra.actors.runtime.bulk_client import BulkClient
from tests.actors.data.trees.copies import Copies
from tests.actors.data.trees.test_local_tree import write
from tests.support import eventually

DIGEST = b"\1" * 32


class Answering(Actor):
    """Answers whatever it is asked with one thing, or with an error, or not at all."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def on_receive(self, message: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            self.defer_reply()
        return self.answer(message) if callable(self.answer) else self.answer


class Bulk:
    """Gives the same bytes for any ticket."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content

    def fetch(self, ticket: Ticket, descriptor: int) -> None:
        if not self.content:
            raise BulkError("the line broke")
        assert ticket.size == len(self.content)
        os.pwrite(descriptor, self.content, 0)

    def collect(self, ticket: Ticket, pieces: Sequence[Range], take: Take) -> None:
        if not self.content:
            raise BulkError("the line broke")
        assert ticket.size == len(self.content)
        for offset, length in pieces:
            take(offset, memoryview(self.content)[offset : offset + length])


def remote(
    system: ActorSystem,
    answer: Any,
    content: bytes = b"",
    sparing: Sparing = FREELY,
) -> RemoteTree:
    ref: Ref = system.spawn(Answering, answer)
    return RemoteTree("nas", ref, cast("BulkClient", Bulk(content)), sparing)


def ticket(size: int) -> Ticket:
    return Ticket("nas", 1, b"\0" * 16, size)


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        yield made


@pytest.mark.parametrize(
    "answer",
    [
        "hello",
        Changed(1, [b"no record"], 1, []),
        Changed(1, cast("Any", 7), 1, []),
        Changed(1, [], 1, [1, 2]),
        Changed(1, [], cast("Any", "many"), []),
        Changed(cast("Any", b""), [], 1, []),
        Changed(1, [], 0, None),
        OSError("it is out of order"),
    ],
)
def test_what_is_no_answer_is_as_none(copies: Copies, system: ActorSystem, answer: Any) -> None:
    tree = copies["a"].tree
    before = tree.journal.last
    with pytest.raises(MissingError, match="nas"):
        remote(system, answer).pull(1, tree.journal.cursor, tree.take)
    assert tree.journal.last == before
    assert tree.journal.cursor(Replica("nas", 1)) == 0


def test_a_host_that_never_answers_is_not_waited_for_for_ever(
    copies: Copies, system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_WITHIN", 0.05)
    tree = copies["a"].tree
    with pytest.raises(MissingError, match="does not answer"):
        remote(system, None).pull(1, tree.journal.cursor, tree.take)


def test_all_is_told_part_by_part_from_where_it_was(copies: Copies, system: ActorSystem) -> None:
    for number in range(25):
        write(copies["b"].root / str(number), str(number))
    copies["b"].tree.scan()
    copies["b"].tree.journal.commit()

    def tell(question: Changes) -> Changed:
        reader = JournalReader(copies["b"].place.journal)
        try:
            replica, last, vector = reader.state()
            after = question.after if question.incarnation == replica.incarnation else 0
            changes = reader.changes(after, 10)
            whole = len(changes) < 10
            told = [(*each, n) for each, n in vector.items()] if whole else None
            n = last if whole else changes[-1][0]
            return Changed(replica.incarnation, [each for _, each in changes], n, told)
        finally:
            reader.close()

    tree = copies["a"].tree
    from_b = remote(system, tell)
    from_b.host = "b"
    assert from_b.pull(0, tree.journal.cursor, tree.take) == 25
    assert from_b.pull(1, tree.journal.cursor, tree.take) == 0
    assert tree.journal.cursor(Replica("b", 1)) == 25


def test_the_next_part_is_looked_for_while_one_is_taken(system: ActorSystem) -> None:
    asked: list[int] = []

    def tell(question: Changes) -> Changed:
        asked.append(question.after)
        return Changed(1, [], question.after + 1, [] if question.after else None)

    def take(_: Replica, __: object, n: int, vector: object) -> int:
        if vector is None:
            eventually(lambda: asked == [0, 1])
        return n

    assert remote(system, tell).pull(1, lambda _: 0, take) == 3


@pytest.mark.parametrize("answer", ["hello", [], [1], [b"x", b"y"]])
def test_manifests_that_are_none_are_refused(system: ActorSystem, answer: Any) -> None:
    with pytest.raises(MissingError, match="nas"):
        remote(system, answer).manifests([DIGEST])
    assert remote(system, [None]).manifests([DIGEST]) == [None]
    assert remote(system, lambda each: each.digests).manifests([DIGEST]) == [DIGEST]


def test_a_long_manifest_comes_as_a_view(system: ActorSystem) -> None:
    assert remote(system, [memoryview(DIGEST)]).manifests([DIGEST]) == [DIGEST]


@pytest.mark.parametrize(
    "packed",
    [
        Packed(ticket(3), [3]),
        Packed(ticket(3), [3, -1, -1]),
        Packed(ticket(9), [4, 5]),
        Packed(ticket(1 << 60), [3, 2]),
        Packed(ticket(3), [cast("Any", "3"), -1]),
        Packed(ticket(3), cast("Any", None)),
        "hello",
    ],
)
def test_a_pack_of_something_else_is_refused(system: ActorSystem, packed: Any) -> None:
    pieces = [Piece(DIGEST, 0, 3), Piece(DIGEST, 3, 5)]
    with pytest.raises(MissingError, match="nas"):
        list(views(remote(system, packed, b"123").parcels(pieces)))


def test_pieces_come_in_their_order(system: ActorSystem) -> None:
    pieces = [Piece(DIGEST, 0, 3), Piece(b"\2" * 32, 0, 5), Piece(DIGEST, 3, 2)]
    got = views(remote(system, Packed(ticket(5), [3, -1, 2]), b"12345").parcels(pieces))
    assert [None if each is None else bytes(each) for each in got] == [b"123", None, b"45"]
    none = views(remote(system, Packed(None, [-1, -1, -1])).parcels(pieces))
    assert list(none) == [None, None, None]
    with pytest.raises(MissingError, match="the line broke"):
        list(views(remote(system, Packed(ticket(5), [3, -1, 2])).parcels(pieces)))


def test_parts_of_a_content_are_taken_where_they_are(system: ActorSystem) -> None:
    taken: dict[int, bytes] = {}
    content = Content(Kind.FILE, 5, DIGEST)
    asked = remote(system, Packed(ticket(5), [5]), b"12345")
    asked.fetch(content, [(3, 2), (0, 1)], lambda at, data: taken.update({at: bytes(data)}))
    assert taken == {3: b"45", 0: b"1"}


def test_what_has_a_rate_is_asked_for_in_portions(system: ActorSystem) -> None:
    size = 2 * SMALLEST
    asked: list[int] = []

    def pack(question: Pack) -> Packed:
        lengths = [length for _, _, length in question.pieces]
        asked.append(sum(lengths))
        return Packed(ticket(sum(lengths)), lengths)

    slow = remote(system, pack, b"x" * SMALLEST, Sparing(rate=2 * SMALLEST))
    halves = [Piece(DIGEST, 0, SMALLEST), Piece(DIGEST, SMALLEST, SMALLEST)]
    assert len(list(views(remote(system, pack, b"x" * size).parcels(halves)))) == 2
    assert asked == [size]
    assert [len(each or b"") for each in views(slow.parcels(halves))] == [SMALLEST, SMALLEST]
    assert asked == [size, SMALLEST, SMALLEST]


@pytest.mark.parametrize(
    "packed",
    [
        Packed(None, [-1]),
        Packed(ticket(4), [4]),
        Packed(ticket(6), [6]),
        Packed(ticket(5), [5, 0]),
        Packed(ticket(5), [5]),  # and nothing comes
        "hello",
    ],
)
def test_a_content_that_is_another_one_is_not_taken(system: ActorSystem, packed: Any) -> None:
    content = Content(Kind.FILE, 5, DIGEST)
    with pytest.raises(MissingError, match="nas"):
        remote(system, packed).fetch(content, [(0, 5)], lambda *_: pytest.fail("it was taken"))
