"""A host that wants a part of a tree has that part, and nothing is lost by that."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.data.scanning.ignoring import EVERYTHING, Choice
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.leaving_out import LeavingOut
from simulacra.actors.data.trees.wanting import Wanting
from tests.actors.data.trees.copies import Copies, Copy, contents
from tests.actors.data.trees.dying import CHANGING, die_at

OLD = 1_600_000_000


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (OLD, OLD))


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        for name in ("x.txt", "raw/1.raw", "raw/2.raw", "notes/n.txt"):
            write(made["a"].root / name, name)
        made.acknowledge()
        yield made


def choose(copy: Copy, choice: Choice) -> None:
    copy.close()
    copy.choice = choice
    copy.reopen()
    copy.tree.scan()
    copy.tree.review()


def files(copy: Copy) -> set[str]:
    return {name for name, content in contents(copy.root).items() if content is not None}


def test_what_is_not_wanted_goes_here_and_nowhere_else_and_comes_again(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    before = files(a)
    choose(b, Choice(exclude=("raw/",)))
    copies.acknowledge()
    assert files(b) == {"x.txt", "notes/n.txt"}
    assert not (b.root / "raw").exists()
    assert files(a) == before
    b.reopen()
    copies.sync()
    assert files(a) == before, "after a restart nothing is taken for deleted"
    write(a.root / "raw/3.raw", "3")
    write(a.root / "y.txt", "y")
    copies.sync()
    assert files(b) == {"x.txt", "notes/n.txt", "y.txt"}
    choose(b, EVERYTHING)
    copies.sync()
    assert files(b) == files(a) == before | {"raw/3.raw", "y.txt"}


def test_patterns_to_include_and_the_largest_size(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    write(a.root / "big.txt", "x" * 1000)
    copies.acknowledge()
    choose(b, Choice(include=("*.txt",), largest=500))
    copies.acknowledge()
    assert files(b) == {"x.txt", "notes/n.txt"}
    (a.root / "x.txt").rename(a.root / "raw/moved.txt")
    copies.sync()
    assert files(b) == {"raw/moved.txt", "notes/n.txt"}
    (b.root / "raw/moved.txt").unlink()
    copies.sync()
    assert not (a.root / "raw/moved.txt").exists(), "what is wanted and deleted is deleted"


def test_the_only_copy_stays_until_another_has_it(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    a.reachable = False
    write(b.root / "raw/mine.raw", "only here")
    b.tree.scan()
    choose(b, Choice(exclude=("raw/",)))
    b.tree.bring()
    assert files(b) >= {"raw/mine.raw", "raw/1.raw"}, "nobody in reach has it"
    write(b.root / "raw/1.raw", "edited while it is to go")
    b.tree.scan()
    a.reachable = True
    copies.acknowledge()
    b.tree.reconsider()
    copies.sync()
    assert files(b) == {"x.txt", "notes/n.txt"}
    assert (a.root / "raw/mine.raw").read_text() == "only here"
    assert (a.root / "raw/1.raw").read_text() == "edited while it is to go"


@pytest.mark.parametrize(("step", "left"), [("note", 1), ("go", 2), ("remove", 2)])
def test_a_crash_while_they_go_is_no_deletion(copies: Copies, step: str, left: int) -> None:
    a, b = copies["a"], copies["b"]
    choose(b, Choice(exclude=("raw/",)))
    assert brought_until(b, 1, re.compile(step))
    assert len(files(b) & {"raw/1.raw", "raw/2.raw"}) == left
    copies.sync()
    assert files(a) >= {"raw/1.raw", "raw/2.raw"}
    assert files(b) == {"x.txt", "notes/n.txt"}


@pytest.mark.slow
def test_nor_is_one_at_any_call(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    before = files(a)
    for when in count(1):
        choose(b, Choice(exclude=("raw/",)))
        died = brought_until(b, when)
        copies.sync()
        assert files(a) == before, when
        assert files(b) == {"x.txt", "notes/n.txt"}, when
        if not died:
            break
        choose(b, EVERYTHING)
        copies.sync()
        assert files(b) == before, when
    assert when > 20, "it dies at many calls"


def brought_until(copy: Copy, when: int, calls: re.Pattern[str] = CHANGING) -> bool:
    """Bring in a process of its own, which dies at a call; False if it makes fewer."""
    copy.close()
    died = die_at(when, lambda: copy.tree.bring().left, before=copy.open, calls=calls)
    copy.reopen()
    return died


def test_what_is_edited_while_the_others_go_stays_and_is_known(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = copies["a"], copies["b"]
    choose(b, Choice(exclude=("raw/",)))
    go = LeavingOut.go

    def edited(*args: Any) -> None:
        (b.root / "raw/1.raw").write_text("edited meanwhile")
        go(*args)

    with monkeypatch.context() as patched:
        patched.setattr(LeavingOut, "go", edited)
        b.tree.bring()
    assert files(b) == {"x.txt", "notes/n.txt", "raw/1.raw"}
    b.tree.scan()
    copies.sync()
    assert (a.root / "raw/1.raw").read_text() == "edited meanwhile"
    assert (a.root / "raw/2.raw").exists()
    copies.acknowledge()
    b.tree.reconsider()
    copies.sync()
    assert files(b) == {"x.txt", "notes/n.txt"}


def test_thousands_in_one_folder_go_with_few_commits_and_questions(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = copies["a"], copies["b"]
    for n in range(1200):
        write(a.root / f"raw/{n}.raw", "x")
    copies.acknowledge()
    choose(b, Choice(exclude=("raw/",)))
    commits = counted(monkeypatch, Journal, "commit")
    questions = counted(monkeypatch, Wanting, "wanted")
    b.tree.bring()
    assert files(b) == {"x.txt", "notes/n.txt"}
    assert not (b.root / "raw").exists()
    assert len(commits) < 12
    assert len(questions) < 20 * 1200
    copies.sync()
    assert len(files(a)) == 1202


def counted(monkeypatch: pytest.MonkeyPatch, cls: type, method: str) -> list[None]:
    """One for each call of a method from now on."""
    calls: list[None] = []
    do = getattr(cls, method)

    def counting(*args: Any) -> Any:
        calls.append(None)
        return do(*args)

    monkeypatch.setattr(cls, method, counting)
    return calls


def test_there_is_room_for_what_was_used_last(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    for n in range(5):
        write(a.root / f"f{n}", "x" * 100)
    copies.acknowledge()
    os.utime(b.root / "f3", (OLD + 100, OLD))
    b.tree.review(Choice(include=("*.raw", "*.txt")), 250)
    copies.sync()
    assert files(b) >= {"x.txt", "raw/1.raw", "raw/2.raw", "notes/n.txt", "f3"}
    assert len(files(b)) == 6
    assert len(files(a)) == 9
    b.tree.review()
    copies.sync()
    assert files(b) == files(a)


def test_what_an_ignore_file_names_is_neither_brought_nor_taken_away(copies: Copies) -> None:
    a, b = copies["a"], copies["b"]
    write(a.root / ".simulacraignore", "raw/\n")
    copies.sync()
    assert (b.root / "raw/1.raw").exists()
    write(a.root / "raw/4.raw", "4")
    write(b.root / "raw/5.raw", "5")
    copies.sync()
    assert not (b.root / "raw/4.raw").exists()
    assert not (a.root / "raw/5.raw").exists()
    (b.root / "raw/1.raw").unlink()
    copies.sync()
    assert (a.root / "raw/1.raw").exists()
    (a.root / ".simulacraignore").unlink()
    copies.sync()
    assert {"raw/1.raw", "raw/2.raw", "raw/4.raw", "raw/5.raw"} <= files(a)
