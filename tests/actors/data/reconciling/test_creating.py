"""Something new under a name has the id that every host derives alike."""

from __future__ import annotations

from simulacra.actors.data.reconciling.creating import created
from simulacra.actors.data.reconciling.dots import Author, Replica
from simulacra.actors.data.reconciling.merging import merge
from simulacra.actors.data.reconciling.records import ROOT_ID, Record, file_id, living, move, remove
from tests.actors.data.reconciling.making import file
from tests.actors.data.reconciling.memory_index import MemoryIndex


class Host:
    def __init__(self, name: str) -> None:
        self.author = Author(Replica(name, 1))
        self.known = MemoryIndex()

    def create(self, name: bytes, n: int, *, besides: tuple[bytes, ...] = ()) -> Record:
        record = created(ROOT_ID, name, file(n), self.known, self.author, besides=besides)
        self.known.put(record)
        return record


def test_two_hosts_create_one_thing_and_both_contents_live() -> None:
    one, other = Host("a").create(b"x", 1), Host("b").create(b"x", 2)
    assert one.id == other.id == file_id(ROOT_ID, b"x")
    assert {each.content for each in living(merge(one, other))} == {
        file(1).content, file(2).content,
    }  # fmt: skip


def test_what_was_deleted_is_the_same_thing_again() -> None:
    host = Host("a")
    first = host.create(b"x", 1)
    host.known.put(remove(first, host.author.event(first.latest), seen=first.alive))
    again = host.create(b"x", 2)
    assert again.id == first.id
    assert [each.content for each in living(again)] == [file(2).content]


def test_after_something_moved_away_the_name_is_the_next_generation() -> None:
    host = Host("a")
    first = host.create(b"x", 1)
    event = host.author.event(first.latest)
    host.known.put(move(first, event, ROOT_ID, b"y", seen=first.alive, entry=file(1)))
    second = host.create(b"x", 2)
    assert second.id == file_id(ROOT_ID, b"x", 1)
    assert [each.content for each in living(host.known.records[first.id])] == [file(1).content]


def test_what_is_just_going_is_not_taken() -> None:
    host = Host("a")
    first = host.create(b"x", 1)
    assert host.create(b"x", 2, besides=(first.id,)).id == file_id(ROOT_ID, b"x", 1)


def test_a_content_that_lives_under_the_name_is_not_replaced() -> None:
    host = Host("a")
    host.create(b"x", 1)
    both = host.create(b"x", 2)
    assert len(living(both)) == 2
