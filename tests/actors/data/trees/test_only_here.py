"""What no other host is known to have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.clock import Stamp
from simulacra.actors.data.entries import Attributes, Content, Entry, Kind
from simulacra.actors.data.reconciling.dots import Context, Dot, Event, Replica, includes
from simulacra.actors.data.reconciling.records import ROOT_ID, Record, create, file_id
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.only_here import OnlyHere, counting, find
from tests.actors.data.trees.copies import Copies, Copy, scan

HOSTS = ["b", "c"]
AUTHORS = [Replica("a", 1), Replica("b", 1)]
vectors = st.dictionaries(st.sampled_from(AUTHORS), st.integers(0, 5))
writings = st.sets(st.tuples(st.sampled_from(AUTHORS), st.integers(1, 5)))


def record(author: Replica, n: int) -> Record:
    name = f"{author.host}{n}".encode()
    entry = Entry(Content(Kind.FILE, 0, name), Attributes(0o644))
    event = Event(Stamp(n, 0), Dot(author, n))
    return create(file_id(ROOT_ID, name), ROOT_ID, name, entry, event)


@given(written=writings, shown=st.fixed_dictionaries(dict.fromkeys(HOSTS, vectors)))
def test_it_is_what_no_other_has_acknowledged(
    written: set[tuple[Replica, int]], shown: dict[str, Context]
) -> None:
    records = [record(*each) for each in sorted(written)]
    vector = {each: max((n for by, n in written if by == each), default=0) for each in AUTHORS}

    def lacking(context: Context) -> list[str]:
        return [host for host in HOSTS if not includes(shown[host], context)]

    lookup = {each.id: each for each in records}.get
    found = find(HOSTS, lacking, vector, records, lookup)
    alone = [
        f"{author.host}{n}".encode()
        for author, n in sorted(written)
        if all(shown[host].get(author, 0) < n for host in HOSTS)
    ]
    assert found == OnlyHere(HOSTS, not alone, len(alone), alone[:3])
    has_all = any(includes(shown[host], vector) for host in HOSTS)
    assert find(HOSTS, lacking, vector, None, lookup) == OnlyHere(HOSTS, has_all)
    assert found.is_nothing or not has_all


def test_without_others_nothing_is_elsewhere() -> None:
    found = find([], lambda _: [], {AUTHORS[0]: 1}, [record(AUTHORS[0], 1)], lambda _: None)
    assert found == OnlyHere([], False, 1, [b"a1"])


def test_those_with_a_part_count_only_where_no_other_has_all() -> None:
    assert counting("a", ["main", "a"], ["main", "a", "part"]) == ["main"]
    assert counting("a", ["a"], ["a", "part"]) == ["part"]
    assert counting("a", ["a"], ["a"]) == []


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        (made["a"].root / "old").write_text("old")
        made.acknowledge()
        yield made


def alone(copy: Copy) -> OnlyHere:
    journal = copy.tree.journal
    with closing(JournalReader(copy.place.journal)) as reader:
        return find(
            ["b"],
            lambda context: copy.agreement.lacking(["b"], context),
            journal.vector,
            reader.records(),
            reader.record,
        )


def test_edits_deletions_and_new_modes_are_named_until_the_other_shows_them(
    copies: Copies,
) -> None:
    here = copies["a"]
    assert alone(here) == OnlyHere(["b"], is_nothing=True)
    (here.root / "old").unlink()
    (here.root / "folder").mkdir()
    (here.root / "folder/new").write_text("new")
    scan(here)
    assert sorted(alone(here).paths) == [b"folder", b"folder/new", b"old"]
    copies["b"].hear(here)  # that it knows of them is not enough
    here.agreement.hear(copies["b"].agreement.told())
    assert alone(here).count == 3
    copies.acknowledge()
    assert alone(here).is_nothing
    (here.root / "folder/new").chmod(0o600)
    scan(here)
    assert alone(here).paths == [b"folder/new"]
