from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulacra.actors.data.trees.definitions import Definition, Definitions
from simulacra.actors.data.trees.roots import ROOTS, write_roots


def test_what_would_end_a_line_or_a_word_is_a_number(tmp_path: Path) -> None:
    file = tmp_path / "roots"
    write_roots(file, ["/a b\\c\nd\te", os.fsdecode(b"/\xff")])
    assert file.read_bytes() == b"/a\\040b\\134c\\012d\\011e\n/\xff\n"


def test_a_file_that_says_so_already_is_left(tmp_path: Path) -> None:
    file = tmp_path / "roots"
    write_roots(file, ["/a"])
    before = file.stat()
    write_roots(file, ["/a"])
    assert file.stat().st_ino == before.st_ino
    write_roots(file, [])
    assert file.read_bytes() == b""


def test_it_follows_the_definitions_but_for_what_is_paused(tmp_path: Path) -> None:
    definitions, file = Definitions(tmp_path / "trees.json"), tmp_path / ROOTS
    definitions.put(Definition("1", "src", "/src"))
    definitions.put(Definition("2", "doc", "/doc", paused=True))
    assert file.read_bytes() == b"/src\n"
    file.unlink()
    Definitions(tmp_path / "trees.json")
    assert file.read_bytes() == b"/src\n"
    definitions.remove("1")
    assert file.read_bytes() == b""


def test_what_cannot_be_written_is_said_and_hinders_no_tree(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ROOTS).mkdir()
    definitions = Definitions(tmp_path / "trees.json")
    definitions.put(Definition("1", "src", "/src"))
    assert [each.name for each in Definitions(tmp_path / "trees.json").all()] == ["src"]
    assert "the shell's hook does not see where trees are" in caplog.text
