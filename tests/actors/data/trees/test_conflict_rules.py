"""The table of docs/guide/conflicts.md, row by row, with copies on real disks.

Each row: what is there, what one side does and what the other does apart, and what both have then.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.reconciling.contested import find
from tests.actors.data.trees.copies import Copies, contents
from tests.actors.data.trees.test_local_tree import OLD, write

Change = Callable[[Path], None]


def edit(name: str, text: str) -> Change:
    return lambda root: write(root / name, text)


def delete(name: str) -> Change:
    def change(root: Path) -> None:
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def rename(source: str, target: str) -> Change:
    def change(root: Path) -> None:
        (root / source).rename(root / target)

    return change


def folder(name: str, *files: str) -> Change:
    def change(root: Path) -> None:
        (root / name).mkdir()
        for file in files:
            write(root / name / file, file)

    return change


def mode(name: str, bits: int) -> Change:
    return lambda root: (root / name).chmod(bits)


def link(name: str, target: str) -> Change:
    return lambda root: (root / name).symlink_to(target)


def replaced(name: str, by: Change) -> Change:
    def change(root: Path) -> None:
        delete(name)(root)
        by(root)

    return change


BASE = {"f": "base", "d/in": "inside", "e/in": "inside e"}

_D = {"d": None, "d/in": b"inside"}
_E = {"e": None, "e/in": b"inside e"}
_ALL = {"f": b"base", **_D, **_E}


def without(*names: str) -> dict[str, bytes | str | None]:
    return {name: what for name, what in _ALL.items() if name not in names}


ROWS = {
    "edit, edit": (
        edit("f", "of a"),
        edit("f", "of b"),
        {**without(), "f": b"of b", "f.conflict-a-6": b"of a"},
        ["content f"],
    ),
    "edit, equal edit": (edit("f", "new"), edit("f", "new"), {**without(), "f": b"new"}, []),
    "create, create": (
        edit("n", "of a"),
        edit("n", "of b"),
        {**without(), "n": b"of b", "n.conflict-a-6": b"of a"},
        ["content n"],
    ),
    "create a folder, create a folder": (
        folder("n", "x"),
        folder("n", "y"),
        {**without(), "n": None, "n/x": b"x", "n/y": b"y"},
        [],
    ),
    "create a file, create a folder": (
        edit("n", "of a"),
        folder("n", "y"),
        {**without(), "n": None, "n/y": b"y", "n.conflict-a-6": b"of a"},
        ["content n"],
    ),
    "create a file, create a link": (
        edit("n", "of a"),
        link("n", "f"),
        {**without(), "n": "f", "n.conflict-a-6": b"of a"},
        ["content n"],
    ),
    "delete, edit": (delete("f"), edit("f", "of b"), {**without(), "f": b"of b"}, []),
    "delete, rename": (
        delete("f"),
        rename("f", "g"),
        {**without("f"), "g": b"base"},
        [],
    ),
    "delete, chmod": (delete("f"), mode("f", 0o600), without("f"), []),
    "delete, delete": (delete("f"), delete("f"), without("f"), []),
    "edit, chmod": (edit("f", "of a"), mode("f", 0o600), {**without(), "f": b"of a"}, []),
    "edit, rename": (
        edit("f", "of a"),
        rename("f", "g"),
        {**without("f"), "g": b"of a"},
        [],
    ),
    "delete a folder, create in it": (
        delete("d"),
        edit("d/new", "of b"),
        {**without("d/in"), "d/new": b"of b"},
        [],
    ),
    "delete a folder, edit in it": (
        delete("d"),
        edit("d/in", "of b"),
        {**without(), "d/in": b"of b"},
        [],
    ),
    "rename, rename": (rename("f", "g"), rename("f", "h"), {**without("f"), "h": b"base"}, []),
    "rename onto a name, create it": (
        rename("f", "n"),
        edit("n", "of b"),
        {**without("f"), "n": b"of b", "n.conflict-a-6": b"base"},
        ["name n.conflict-a-6"],
    ),
    "rename to a name, rename another to it": (
        rename("f", "n"),
        rename("d/in", "n"),
        {**without("f", "d/in"), "n": b"inside", "n.conflict-a-6": b"base"},
        ["name n.conflict-a-6"],
    ),
    "rename a folder, create in it": (
        rename("d", "g"),
        edit("d/new", "of b"),
        {**without("d", "d/in"), "g": None, "g/in": b"inside", "g/new": b"of b"},
        [],
    ),
    "folder into the other, and the reverse": (
        rename("d", "e/d"),
        rename("e", "d/e"),
        {"f": b"base", "e": None, "e/in": b"inside e", "e/d": None, "e/d/in": b"inside"},
        ["circle e"],
    ),
    "file becomes a folder, edit": (
        replaced("f", folder("f", "x")),
        edit("f", "of b"),
        {**without("f"), "f": None, "f/x": b"x", "f.conflict-a-5": b"of b"},
        ["name f.conflict-a-5"],
    ),
}


def apart(copies: Copies, of_a: Change, of_b: Change) -> None:
    """Changes that neither knows of the other's, those of b later by every clock."""
    of_a(copies["a"].root)
    copies["a"].tree.scan()
    of_b(copies["b"].root)
    copies["b"].tree.journal.author.clock.see(copies["a"].tree.journal.author.clock.last, 2**40)
    copies["b"].tree.scan()


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_table(tmp_path: Path, row: str) -> None:
    of_a, of_b, then, listed = ROWS[row]
    with Copies(tmp_path, "a", "b", "c") as copies:
        for name, text in BASE.items():
            write(copies["a"].root / name, text)
        copies.sync()
        apart(copies, of_a, of_b)
        copies.sync()
        for copy in copies.by_host.values():
            assert contents(copy.root) == then
            found = find(copy.tree.journal.contested(), copy.tree.journal)
            assert [f"{each.kind} {each.path.decode()}" for each in found] == listed


def test_a_mode_and_an_edit_are_both_there(tmp_path: Path) -> None:
    with Copies(tmp_path, "a", "b") as copies:
        write(copies["a"].root / "f", "base")
        copies.sync()
        apart(copies, edit("f", "of a"), mode("f", 0o600))
        copies.sync()
        for copy in copies.by_host.values():
            status = os.stat(copy.root / "f")
            assert (status.st_mode & 0o777, status.st_mtime) == (0o600, OLD)


PAGE = Path(__file__).parents[4] / "docs" / "guide" / "conflicts.md"


def test_every_row_of_the_page_has_a_test() -> None:
    table = PAGE.read_text().partition("<!-- rules -->")[2].partition("<!-- end -->")[0]
    cells = [line.split("|") for line in table.splitlines() if line.startswith("| ")]
    rows = [", ".join(cell.strip() for cell in each[1:3]) for each in cells[1:]]
    assert [row for row in rows if not row.startswith("---")] == list(ROWS)


# -- what nobody has is not wanted


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b", "c") as copies:
        write(copies["a"].root / "f", "base")
        copies.sync()
        yield copies


def test_what_was_edited_and_deleted_before_anybody_had_it_is_as_it_was_renamed(
    three: Copies,
) -> None:
    write(three["b"].root / "f", "of b, and nobody else's")
    three["b"].tree.scan()
    (three["c"].root / "f").rename(three["c"].root / "g")
    (three["b"].root / "f").unlink()
    three.sync()
    assert all(contents(three[host].root) == {"g": b"base"} for host in "abc")


def test_of_a_file_and_a_folder_of_one_name_that_were_deleted_the_one_stays_that_was_renamed(
    three: Copies,
) -> None:
    write(three["b"].root / "x", "of b, and nobody else's")
    three["b"].tree.scan()
    (three["a"].root / "x").mkdir()
    three["a"].tree.scan()
    three["c"].hear(three["a"])
    three["c"].tree.bring()
    (three["c"].root / "x").rename(three["c"].root / "y")
    (three["a"].root / "x").rmdir()
    (three["b"].root / "x").unlink()
    three.sync()
    assert all(contents(three[host].root) == {"f": b"base", "y": None} for host in "abc")


def test_a_deletion_counts_though_something_of_the_same_name_came_elsewhere(three: Copies) -> None:
    """Made here, renamed, and replaced, while another made one under the first name."""
    a, b = three["a"], three["b"]
    write(a.root / "x", "of a, and nobody else's")
    a.tree.scan()
    (a.root / "x").rename(a.root / "y")
    a.tree.scan()
    write(b.root / "x", "of b")
    b.tree.scan()
    a.hear(b)
    (a.root / "y").unlink()
    write(a.root / "x", "again of a")
    three.sync()
    found = contents(a.root)
    assert found.pop("f") == b"base"
    assert sorted(map(str, found.values())) == ["b'again of a'", "b'of b'"]
    assert all(contents(three[host].root) == contents(a.root) for host in "bc")


def test_a_deletion_counts_though_a_folder_of_the_same_name_is_there(three: Copies) -> None:
    a, b = three["a"], three["b"]
    write(a.root / "x", "of a, and nobody else's")
    a.tree.scan()
    (b.root / "x").mkdir()
    b.tree.scan()
    a.hear(b)
    (a.root / "x").unlink()
    (a.root / "x").mkdir()
    three.sync()
    assert all(contents(three[host].root) == {"f": b"base", "x": None} for host in "abc")
