"""A journal keeps what the simulator's index in memory keeps, through restarts as well."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.cluster.clock import Stamp
from simulacra.actors.data.entries import FOLDER, Attributes, Entry
from simulacra.actors.data.entries import Path as TreePath
from simulacra.actors.data.reconciling.dots import Dot, Event, Replica
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.records import (
    ROOT_ID,
    FileId,
    Record,
    create,
    file_id,
)
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.journal_tables import STEPS
from simulacra.actors.data.trees.packing import pack_record, unpack_record
from simulacra.actors.databases import open_database
from tests.actors.data.reconciling import simulator
from tests.support import examples

PLAIN = Attributes(0o755)


class Watched(Journal):
    """A journal that shows all it has, as the simulator wants it."""

    folder: Path
    numbers: Iterator[int]
    opened: list[Watched]

    def __init__(self) -> None:
        self.path = self.folder / str(next(self.numbers)) / "journal.db"
        self.path.parent.mkdir()
        super().__init__(self.path, "any")
        self.importing = False
        self.opened.append(self)

    @property
    def records(self) -> dict[FileId, Record]:
        ids = [row[0] for row in self._all("SELECT id FROM records")]
        return {each: record for each in ids if (record := self.record(each)) is not None}

    @property
    def rows(self) -> dict[TreePath, Row]:
        paths = [row[0] for row in self._all("SELECT path FROM base")]
        return {path: row for path in paths if (row := self.row(path)) is not None}

    @property
    def sequence(self) -> dict[FileId, int]:
        return dict(self._all("SELECT id, n FROM records"))

    def forget_cached(self) -> None:
        self.commit()
        self._forget_cached()

    def _all(self, statement: str) -> list[Any]:
        self._flush()
        return self._db.execute(statement).fetchall()


@pytest.fixture
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    Watched.folder, Watched.numbers, Watched.opened = tmp_path, itertools.count(), []
    monkeypatch.setattr(simulator, "MemoryIndex", Watched)
    yield
    for journal in Watched.opened:
        journal.close()


@pytest.mark.usefixtures("journals")
def test_random_histories_hold_on_journals_that_forget_what_they_had_in_memory() -> None:
    for seed in range(examples(20, many=60)):
        size, history = simulator.history(seed)
        world = simulator.World(size)
        for number, step in enumerate(history):
            world.step(step)
            for host in world.hosts:
                if number % 7 == seed % 7:
                    assert isinstance(host.index, Watched)
                    host.index.forget_cached()
        world.quiet()
        world.check()


@pytest.mark.usefixtures("journals")
def test_what_was_committed_is_there_again_and_told_in_order() -> None:
    size, history = simulator.history(3)
    world = simulator.World(size)
    world.run(history)
    world.quiet()
    journal = Watched.opened[0]
    journal.commit()
    reader = JournalReader(journal.path)
    told = reader.changes(0, 10**6)
    assert [n for n, _ in told] == sorted(n for n, _ in told)
    assert {record.id: record for _, packed in told for record in [unpack_record(packed)]} == (
        journal.records
    )
    records, rows, dirty = journal.records, journal.rows, set(journal.dirty)
    reader.close()
    journal.close()
    again = Journal(journal.path, "any")
    try:
        assert again.author.replica == journal.author.replica
        assert again.author.n == journal.author.n
        assert (again.last, again.dirty) == (journal.last, dirty)
        assert {each: again.record(each) for each in records} == records
        assert {path: again.row(path) for path in rows} == rows
    finally:
        again.close()


def test_a_journal_with_records_by_id_is_brought_forward(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    before, _ = open_database(path, STEPS[:3], "the journal of a tree")
    event = Event(Stamp(1, 0), Dot(Replica("a", 1), 1))
    made = [
        create(file_id(ROOT_ID, name), ROOT_ID, name, Entry(FOLDER, PLAIN), event)
        for name in (b"x", b"y")
    ]
    for n, record in enumerate(made, 7):
        row = (record.id, ROOT_ID, n, pack_record(record))
        before.execute("INSERT INTO records VALUES (?, ?, ?, ?)", row)
    before.commit()
    before.close()
    journal = Journal(path, "a")
    try:
        found = [journal.record(id) for _, id in journal.changed_after(7, 10)]  # noqa: A001
        assert found == made[1:]
        assert {each.location.value.name for each in journal.located(ROOT_ID)} == {b"x", b"y"}
    finally:
        journal.close()


def test_a_new_journal_is_another_incarnation(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal.db", "a")
    assert first.author.replica == Replica("a", 1)
    assert first.importing
    first.close()
    (tmp_path / "journal.db").write_bytes(b"damaged")
    second = Journal(tmp_path / "journal.db", "a")
    assert second.author.replica == Replica("a", 2)
    second.vector = {Replica("a", 7): 1}
    second.begin_again()
    assert second.author.replica == Replica("a", 8)
    second.close()
