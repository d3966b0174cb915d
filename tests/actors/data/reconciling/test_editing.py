"""What edits make of records, of which another host has other news."""

from __future__ import annotations

from simulacra.actors.data.entries import Path
from simulacra.actors.data.reconciling.editing import Edits
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.projecting import sides
from simulacra.actors.data.reconciling.records import Record
from simulacra.actors.data.reconciling.renames import Found
from tests.actors.data.reconciling.making import file, pair, put, remove
from tests.actors.data.reconciling.simulator import Host


def known(host: Host, path: Path) -> tuple[Row, Record]:
    row = host.index.row(path)
    assert row is not None
    record = host.index.record(row.id)
    assert record is not None
    return row, record


def found(host: Host, path: Path, n: int) -> Found:
    put(host, path, n)
    seen = host.disk.found(path)
    assert seen is not None
    return seen


def edits(host: Host) -> Edits:
    host.now()
    return Edits(host.index, host.author)


def test_a_folder_that_was_deleted_elsewhere_is_there_again_with_what_is_new_in_it() -> None:
    left, right = pair(b"d/", b"d/f")
    remove(left, b"d")
    left.scan()
    right.pull(left)
    row, record = known(right, b"d")
    assert not record.alive
    edits(right).create(row.id, b"d/new", found(right, b"d/new", 7))
    assert known(right, b"d")[1].alive
    assert known(right, b"d/new")[1].alive
    assert not known(right, b"d/f")[1].alive


def test_a_deletion_is_of_no_edit_that_was_not_seen() -> None:
    left, right = pair(b"f")
    put(left, b"f", 2)
    left.scan()
    right.pull(left)
    row, _ = known(right, b"f")
    edits(right).delete(row)
    assert known(right, b"f")[1].alive
    assert [each.latest.content for each in sides(known(right, b"f")[1])] == [file(2).content]


def test_an_edit_follows_what_was_there_and_nothing_else() -> None:
    left, right = pair(b"f")
    put(left, b"f", 2)
    left.scan()
    right.pull(left)
    row, record = known(right, b"f")
    edits(right).write(bytes(16), b"f", row, found(right, b"f", 3))
    contents = {each.latest.content for each in sides(known(right, b"f")[1])}
    assert contents == {file(2).content, file(3).content}
    assert known(right, b"f")[0].id == record.id
    assert known(right, b"f")[0].entry == file(3)
