"""What was renamed from what: by inode and content, else by content; folders by what they held."""

from __future__ import annotations

import pytest

from simulacra.actors.data.entries import FOLDER, Attributes, Content, Entry, Fingerprint, Kind
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.renames import Findings, Found, Sources, all_gone
from tests.actors.data.reconciling.making import file
from tests.actors.data.reconciling.memory_index import MemoryIndex

EMPTY = Entry(Content(Kind.FILE, 0, bytes(32)), Attributes(0o644))
DIR = Entry(FOLDER, Attributes(0o755))


def at(inode: int) -> Fingerprint:
    return Fingerprint(1, inode, 1, 1, 1)


class Base(MemoryIndex):
    """A base with rows of which each is a file of its own."""

    def __init__(self, **rows: tuple[Entry, int]) -> None:
        super().__init__()
        for name, (entry, inode) in rows.items():
            self.add(name, entry, inode)

    def add(self, path: str, entry: Entry, inode: int) -> None:
        which = path.encode().ljust(16, b"\0")
        self.set_row(path.encode(), Row(which, entry, frozenset(), frozenset(), None, at(inode)))

    def match(self, path: str, entry: Entry, inode: int, **others: Found | None) -> bytes | None:
        """Where what is new at a path came from, if all is gone that is not said otherwise."""
        findings: dict[bytes, Found | None] = {
            name.replace("_", "/").encode(): found for name, found in others.items()
        }
        found = findings[path.encode()] = Found(entry, at(inode))
        gone = {each for each in self.rows if findings.get(each) is None}
        return Sources(self, gone).match(path.encode(), found, findings)


def test_the_same_inode_with_the_same_content_is_a_renaming() -> None:
    base = Base(old=(file(1), 7), other=(file(1), 8))
    assert base.match("new", file(1), 7) == b"old"
    assert base.match("new", file(1), 8) == b"other"


def test_an_inode_that_was_given_out_again_says_nothing() -> None:
    assert Base(old=(file(1), 7)).match("new", file(2), 7) is None


def test_without_the_inode_the_same_content_will_do_and_the_same_name_is_preferred() -> None:
    base = Base(a=(file(1), 7), b=(file(1), 8))
    assert base.match("new", file(1), 99) == b"a"
    assert base.match("elsewhere/b", file(1), 99) == b"b"


def test_empty_files_are_all_equal_and_none_of_each_other() -> None:
    base = Base(old=(EMPTY, 7))
    assert base.match("new", EMPTY, 99) is None
    assert base.match("new", EMPTY, 7) == b"old"


def test_what_is_found_where_it_was_is_no_source() -> None:
    base = Base(old=(file(1), 7))
    assert base.match("copy", file(1), 99, old=Found(file(1), at(7))) is None


@pytest.mark.parametrize(("held", "source"), [(True, b"old"), (False, None)])
def test_a_folder_has_its_inode_and_something_of_what_it_held(
    held: bool, source: bytes | None
) -> None:
    base = Base(old=(DIR, 7))
    base.add("old/one", file(1), 8)
    base.add("old/two", file(2), 9)
    inside = {"new_two": Found(file(2), at(9))} if held else {"new_three": Found(file(3), at(10))}
    assert base.match("new", DIR, 7, **inside) == source
    assert base.match("new", DIR, 99, **inside) is None


def test_an_empty_folder_needs_its_inode_alone() -> None:
    assert Base(old=(DIR, 7)).match("new", DIR, 7) == b"old"


def test_with_a_folder_all_below_it_is_gone_but_for_what_was_found() -> None:
    base = Base(old=(DIR, 1), stays=(file(9), 2))
    for name, inode in (("old/one", 3), ("old/two", 4)):
        base.add(name, file(inode), inode)
    found: Findings = {b"old": None, b"old/two": Found(file(4), at(4))}
    assert set(all_gone(found, base)) == {b"old", b"old/one"}
    assert set(all_gone({b"never": None}, base)) == set()
