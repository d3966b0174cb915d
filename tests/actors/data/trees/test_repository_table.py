"""What was deleted stays deleted, in whatever order hosts meet; what went on stays."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.trees.repository_table import Known, Table

CONTEXTS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 3))


def test_it_is_read_back(tmp_path: Path) -> None:
    table = Table(tmp_path / "table")
    table.root = (1, 2)
    table.here[b"x\xff"] = Known((3, 4), {"a": 1})
    table.bury(b"y", {"b": 2})
    table.save()
    again = Table.load(tmp_path / "table")
    assert (again.root, again.here, again.gone) == (table.root, table.here, table.gone)


def test_a_damaged_one_is_empty(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(b"\xc1damaged")
    assert Table.load(tmp_path / "table").here == {}


def test_what_is_equal_is_not_written_again(tmp_path: Path) -> None:
    table = Table(tmp_path / "table")
    table.bury(b"y", {"b": 2})
    table.save()
    inode = table.file.stat().st_ino
    table.save()
    Table.load(table.file).save()
    assert table.file.stat().st_ino == inode


def test_one_that_ends_is_buried_unless_it_is_somewhere_else(tmp_path: Path) -> None:
    table = Table(tmp_path / "table")
    table.here |= {b"x": Known((1, 1), {"a": 1}), b"y": Known((1, 2), {"a": 1})}
    table.here[b"z"] = Known((1, 1), {"a": 2})
    table.end(b"x")
    table.end(b"y")
    assert table.gone == {b"y": {"a": 1}}


@given(CONTEXTS, CONTEXTS, CONTEXTS)
def test_tombstones_join_in_any_order(
    one: dict[str, int], two: dict[str, int], three: dict[str, int]
) -> None:
    tables = [Table(Path("none")), Table(Path("none"))]
    for context in (one, two, three, two):
        tables[0].bury(b"x", context)
    for context in (three, one, two):
        tables[1].bury(b"x", context)
    assert tables[0].gone == tables[1].gone
    for context in (one, two, three):
        assert tables[0].is_deleted(b"x", context)
    assert not tables[0].is_deleted(b"x", {**one, "d": 1})
    assert not tables[0].is_deleted(b"other", one)
