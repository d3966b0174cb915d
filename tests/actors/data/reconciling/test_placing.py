"""Circles of folders: each is broken once, alike everywhere, and nobody is left without a place."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.reconciling.dots import Author, Replica
from simulacra.actors.data.reconciling.placing import depth, displaced, folder_of, inside
from simulacra.actors.data.reconciling.records import ROOT_ID, Record, create, file_id, move
from tests.actors.data.reconciling.making import MAKE_FOLDER
from tests.actors.data.reconciling.memory_index import MemoryIndex

author = Author(Replica("h", 1))


def folders(number: int) -> list[Record]:
    names = [b"%d" % n for n in range(number)]
    ids = [file_id(ROOT_ID, name) for name in names]
    return [
        create(which, ROOT_ID, name, MAKE_FOLDER, author.event())
        for which, name in zip(ids, names, strict=True)
    ]


def moved(record: Record, into: Record) -> Record:
    event = author.event(record.latest)
    name = record.location.value.name
    return move(record, event, into.id, name, seen=record.alive, entry=MAKE_FOLDER)


def index_of(records: list[Record]) -> MemoryIndex:
    index = MemoryIndex()
    for record in records:
        index.put(record)
    return index


def test_the_latest_move_of_a_circle_does_not_count() -> None:
    a, b, c = folders(3)
    index = index_of([moved(a, b), moved(b, c), moved(c, a)])
    assert set(index.displaced()) == {c.id}
    assert [depth(each.id, index) for each in (c, b, a)] == [1, 2, 3]


def test_it_goes_back_to_where_it_was() -> None:
    home, a, b = folders(3)
    a, b = moved(a, home), moved(b, home)
    index = index_of([home, moved(a, b), moved(b, a)])
    back = index.record(b.id)
    assert back is not None
    assert folder_of(back, index) == home.id


def test_nothing_is_placed_below_what_is_not_known() -> None:
    home, a = folders(2)
    index = index_of([moved(a, home)])
    assert depth(a.id, index) is None
    index.put(home)
    assert depth(a.id, index) == 2


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20), st.integers())
def test_whatever_is_moved_everything_has_one_place(
    moves: list[tuple[int, int]], seed: int
) -> None:
    records = folders(7)
    for what, into in moves:
        if what != into:
            records[what] = moved(records[what], records[into])
    index = index_of(records)
    Random(seed).shuffle(records)
    other = index_of(records)
    assert set(index.displaced()) == set(other.displaced())
    assert index.displaced() == displaced([each.id for each in records], index)
    for record in records:
        assert depth(record.id, index) is not None
        assert folder_of(record, index) == folder_of(record, other)
        assert record in inside(folder_of(record, index), index)
