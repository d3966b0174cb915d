"""Scans: what is taken for an edit, a renaming, a deletion, or for nothing."""

from __future__ import annotations

from simulacra.actors.data.entries import Path
from simulacra.actors.data.reconciling.observing import observe
from simulacra.actors.data.reconciling.records import ROOT_ID, Record, file_id, living
from tests.actors.data.reconciling.making import MAKE_FOLDER, file, hosts, shown
from tests.actors.data.reconciling.simulator import Host


def alone(*files: Path) -> Host:
    """One host that has these files, 1, 2, 3 ..., scanned."""
    (host,) = hosts(1)
    for n, path in enumerate(files, 1):
        host.disk.put(path.rstrip(b"/"), MAKE_FOLDER if path.endswith(b"/") else file(n))
    host.scan()
    return host


def record_of(host: Host, path: Path) -> Record:
    row = host.index.row(path)
    assert row is not None
    record = host.index.record(row.id)
    assert record is not None
    return record


def test_an_unchanged_tree_is_no_edit() -> None:
    host = alone(b"d/", b"d/f", b"g")
    before, n = dict(host.index.records), host.author.n
    host.scan()
    assert (host.index.records, host.author.n) == (before, n)


def test_a_file_saved_by_renaming_another_onto_it_is_an_edit() -> None:
    host = alone(b"f")
    host.disk.put(b"f", file(2))  # another inode
    host.scan()
    assert [each.content for each in living(record_of(host, b"f"))] == [file(2).content]
    assert list(host.index.records) == [file_id(ROOT_ID, b"f")]


def test_a_renaming_is_found_by_its_inode() -> None:
    host = alone(b"d/", b"d/f")
    before = record_of(host, b"d").id
    host.disk.move(b"d", b"e")
    host.scan()
    assert record_of(host, b"e").id == before
    assert len(host.index.records) == 2


def test_a_renaming_is_found_by_its_content() -> None:
    host = alone(b"f")
    before = record_of(host, b"f").id
    del host.disk.entries[b"f"]
    host.disk.put(b"g", file(1))
    host.scan()
    assert record_of(host, b"g").id == before


def test_an_inode_that_was_given_out_again_is_no_renaming() -> None:
    host = alone(b"f")
    before = record_of(host, b"f").id
    inode = host.disk.entries.pop(b"f")[1]
    host.disk.put(b"g", file(2), inode)
    host.scan()
    assert record_of(host, b"g").id != before
    assert not host.index.records[before].alive


def test_a_folder_with_nothing_of_what_it_held_is_another_one() -> None:
    host = alone(b"d/", b"d/f")
    before = record_of(host, b"d").id
    inode = host.disk.entries[b"d"][1]
    host.disk.entries.clear()
    host.disk.put(b"e", MAKE_FOLDER, inode)
    host.scan()
    assert record_of(host, b"e").id != before


def test_a_copy_of_a_file_is_a_creation() -> None:
    host = alone(b"f")
    host.disk.put(b"g", file(1))
    host.scan()
    assert len(host.index.records) == 2


def test_a_name_that_is_free_again_begins_another_thing() -> None:
    host = alone(b"f")
    host.disk.move(b"f", b"g")
    host.scan()
    host.disk.put(b"f", file(2))
    host.scan()
    assert record_of(host, b"f").id == file_id(ROOT_ID, b"f", 1)


def test_what_was_deleted_and_made_again_is_the_same_thing() -> None:
    host = alone(b"f")
    del host.disk.entries[b"f"]
    host.scan()
    host.disk.put(b"f", file(1))
    host.scan()
    assert record_of(host, b"f").id == file_id(ROOT_ID, b"f")
    assert shown(host) == {b"f": 1}


def without_deletions(host: Host) -> None:
    paths = {*host.disk.entries, *host.index.rows}
    found = {path: host.disk.found(path) for path in paths}
    observe(found, host.index, host.author, deletions=False)


def test_what_is_gone_and_not_believed_stays_in_the_base_where_it_was() -> None:
    host = alone(b"d/", b"d/f", b"d/g", b"h")
    before = {path: record_of(host, path).id for path in host.index.rows}
    del host.disk.entries[b"d/f"]
    inode = host.disk.entries.pop(b"h")[1]
    host.disk.move(b"d", b"e")
    host.disk.put(b"new", file(9), inode)
    without_deletions(host)
    now = {path: record_of(host, path).id for path in host.index.rows}
    assert now == {
        b"e": before[b"d"],
        b"e/g": before[b"d/g"],
        b"d/f": before[b"d/f"],
        b"h": before[b"h"],
        b"new": now[b"new"],
    }
    assert all(record.alive for record in host.index.records.values())
    host.scan()
    assert host.index.rows.keys() == {b"e", b"e/g", b"new"}
    assert not any(host.index.records[before[path]].alive for path in (b"d/f", b"h"))


def test_a_file_in_place_of_a_folder_that_was_moved() -> None:
    host = alone(b"d/", b"d/f")
    before = record_of(host, b"d").id
    host.disk.move(b"d", b"e")
    host.disk.put(b"d", file(9))
    host.scan()
    assert record_of(host, b"e").id == before
    assert record_of(host, b"d").id != before
    assert record_of(host, b"e/f").alive


def test_what_is_in_an_unknown_folder_waits() -> None:
    host = alone()
    host.disk.put(b"d", MAKE_FOLDER)
    host.disk.put(b"d/f", file(1))
    found = {b"d/f": host.disk.found(b"d/f")}
    observe(found, host.index, host.author)
    assert not host.index.records
    host.scan()
    assert len(host.index.records) == 2
