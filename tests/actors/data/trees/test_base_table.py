"""The base keeps what a map would, whatever of it is in memory."""

from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.entries import FOLDER, Attributes, Content, Entry, Kind, Path, parent
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.trees.base_table import BaseTable
from simulacra.actors.data.trees.journal_tables import STEPS, portions

PATHS = [b"a", b"a/x", b"a/x/y", b"a0", b"b", b"b/x"]
IDS = [bytes([n]) * 16 for n in range(4)]
path = st.sampled_from(PATHS)
step = st.one_of(
    st.tuples(st.just("set"), path, st.sampled_from(IDS)),
    st.tuples(st.just("drop"), path, st.none()),
    st.tuples(st.just("move"), path, st.sampled_from([b"moved", b"b/moved"])),
    st.tuples(st.sampled_from(["flush", "forget"]), st.none(), st.none()),
)


class Table(BaseTable):
    def __init__(self) -> None:
        database = sqlite3.connect(":memory:", isolation_level=None)
        for each in STEPS:
            database.executescript(each)
        super().__init__(database)

    def forget(self) -> None:
        self._flush()
        self._forget_rows()

    flush = BaseTable._flush

    def close(self) -> None:
        self._db.close()


def a_row(which: bytes) -> Row:
    content = FOLDER if which == IDS[0] else Content(Kind.FILE, 3, which * 2)
    return Row(which, Entry(content, Attributes(0o644)), frozenset(), frozenset())


@given(st.lists(step, max_size=30))
def test_it_is_a_map_that_is_looked_up_by_folder_and_by_id(
    steps: list[tuple[str, Path, Path]],
) -> None:
    table, model = Table(), dict[Path, Row]()
    try:
        for what, at, other in steps:
            if what == "set":
                table.set_row(at, a_row(other))
                model[at] = a_row(other)
            elif what == "drop":
                table.drop_row(at)
                model.pop(at, None)
            elif what == "move":
                table.move_rows(at, other)
                moved = {each for each in model if each == at or each.startswith(at + b"/")}
                model |= {other + each[len(at) :]: model.pop(each) for each in moved}
            else:
                getattr(table, what)()
            check(table, model)
        folders = {row.id for row in model.values() if row.is_folder}
        assert folders <= table.dirty <= {IDS[0]}
    finally:
        table.close()


def check(table: Table, model: dict[Path, Row]) -> None:
    for each in {*PATHS, *model}:
        assert table.row(each) == model.get(each)
    for folder in {b"", *map(parent, model)}:
        found = {each: row for each, row in model.items() if parent(each) == folder}
        assert dict(table.rows_in(folder)) == found
    for which in IDS:
        assert dict(table.paths(which)) == {p: row for p, row in model.items() if row.id == which}


def test_contents_are_found_where_they_were_written_down() -> None:
    table = Table()
    try:
        table.set_row(b"a", a_row(IDS[1]))
        table.set_row(b"b", a_row(IDS[1]))
        table.flush()
        assert sorted(table.holders(IDS[1] * 2)) == [b"a", b"b"]
        assert table.held([IDS[1] * 2, IDS[2] * 2]) == {IDS[1] * 2}
        assert list(table.base()) == [(b"a", a_row(IDS[1])), (b"b", a_row(IDS[1]))]
        assert table.changes == 1
    finally:
        table.close()


def test_many_values_are_asked_for_in_portions() -> None:
    values = [b"%d" % n for n in range(1001)]
    assert [len(each) for each in portions(values)] == [500, 500, 1]
