"""What was done before a kill is known after it, whatever the user did to it in between."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from simulacra.actors.data.applying.applier import Applier
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.applying.staging import Staged
from simulacra.actors.data.entries import TEMPORARY, Fingerprint
from simulacra.actors.data.reconciling.actions import Put
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.trees import redo_log
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.redo_log import RedoLog
from tests.actors.data.reconciling.making import file
from tests.actors.data.trees.copies import Copies, contents
from tests.actors.data.trees.dying import CHANGING, die_at
from tests.actors.data.trees.test_local_tree import write
from tests.support import examples

COMMITTED = re.compile("_save")
FILE_PUT = re.compile("grip_made")
"""A file that was staged is about to be put in its place."""
EVERY = re.compile(f"{CHANGING.pattern}|plan|put|refused|did|_was_done")


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Copies]:
    with Copies(tmp_path, "a", "b") as made:
        for name in ("edited", "moved", "deleted"):
            write(made["a"].root / name, name)
        write(made["a"].root / "folder/x", "x")
        made.sync()
        write(made["a"].root / "edited", "edited there")
        write(made["a"].root / "new", "new")
        write(made["a"].root / "new folder/in it", "in it")
        (made["a"].root / "moved").rename(made["a"].root / "folder/y")
        (made["a"].root / "deleted").unlink()
        made["a"].tree.scan()
        yield made


def die_bringing(copies: Copies, when: int = 1, calls: re.Pattern[str] = COMMITTED) -> bool:
    """`b` takes all from `a`, and dies at a call; whether it did."""
    b = copies["b"]
    b.tree.scan()
    b.hear(copies["a"])
    b.close()
    return die_at(when, lambda: b.tree.bring().left, before=b.open, calls=calls)


def replace(path: Path, content: str) -> None:
    """As editors save."""
    write(path.with_name("beside"), content)
    path.with_name("beside").rename(path)


def both(copies: Copies) -> dict[str, bytes | str | None]:
    """What both have, once both are quiet."""
    copies["b"].open()
    copies.sync()
    assert contents(copies["a"].root) == contents(copies["b"].root)
    return contents(copies["a"].root)


def test_what_is_deleted_or_edited_after_a_kill_is_what_was_brought(copies: Copies) -> None:
    root = copies["b"].root
    assert die_bringing(copies)
    replace(root / "edited", "edited here")
    replace(root / "folder/y", "edited where it is now")
    (root / "new").unlink()
    shutil.rmtree(root / "new folder")
    assert both(copies) == {
        "edited": b"edited here",
        "folder": None,
        "folder/x": b"x",
        "folder/y": b"edited where it is now",
    }


def test_wherever_it_was_killed_nothing_that_was_seen_comes_back(tmp_path: Path) -> None:
    """Also as a conflict with what the user made of it, but for one file at most.

    That is one that was put, and nobody could say so any more.
    """
    step = 5 // examples(1, many=5)
    when, died, doubtful = 1, True, 0
    while died:
        folder = tmp_path / str(when)
        with Copies(folder, "a", "b") as copies:
            write(copies["a"].root / "edited", "before")
            copies.sync()
            write(copies["a"].root / "edited", "there")
            write(copies["a"].root / "new", "new")
            write(copies["a"].root / "other", "other")
            copies["a"].tree.scan()
            died = die_bringing(copies, when, EVERY)
            root = copies["b"].root
            expected: dict[str, bytes | str | None] = {
                "edited": b"there",
                "new": b"new",
                "other": b"other",
            }
            if (root / "edited").read_text() == "there":
                replace(root / "edited", "here")
                expected["edited"] = b"here"
            if (root / "new").exists():
                (root / "new").unlink()
                del expected["new"]
            if (root / "other").exists():
                replace(root / "other", "another")
                expected["other"] = b"another"
            odd = {name.partition(".")[0] for name, _ in both(copies).items() ^ expected.items()}
            assert len(odd) <= 1, when
            doubtful += len(odd)
        shutil.rmtree(folder)
        when += step
    assert doubtful <= 12


# -- the one file that nothing was written of


def put_of(copies: Copies) -> set[str]:
    """Which files were put."""
    brought = contents(copies["a"].root)
    found = contents(copies["b"].root).items()
    there = {path for path, content in found if content and content == brought.get(path)}
    return there & {"edited", "new", "new folder/in it"}


@pytest.mark.parametrize("when", [2, 3, 4])
def test_a_file_is_put_if_it_is_there_edited_or_not(copies: Copies, when: int) -> None:
    root = copies["b"].root
    assert die_bringing(copies, when, re.compile("_placed"))
    put = put_of(copies)
    assert len(put) == when - 1  # the first was the folder
    for path in put:
        (root / path).write_text("mine")
    found = both(copies)
    assert all(found[path] == b"mine" for path in put)
    assert not [path for path in found if ".conflict" in path]


def test_one_that_was_replaced_before_anybody_said_that_it_was_put_is_kept_beside(
    copies: Copies,
) -> None:
    root = copies["b"].root
    assert die_bringing(copies, 2, re.compile("_placed"))
    (path,) = put_of(copies)
    replace(root / path, "mine")
    assert len([each for each in both(copies) if ".conflict" in each]) == 1


@pytest.mark.parametrize("when", [1, 2, 3])
def test_what_was_never_put_is_not_deleted_whoever_cleaned_up(copies: Copies, when: int) -> None:
    """As `git clean` does, or who makes a folder anew."""
    root = copies["b"].root
    assert die_bringing(copies, when, FILE_PUT)
    put = put_of(copies)
    for each in root.rglob(f"{TEMPORARY.decode()}*"):
        each.unlink()
    if "new folder/in it" not in put:
        shutil.rmtree(root / "new folder")
        (root / "new folder").mkdir()
    found = both(copies)
    assert (
        found.items()
        >= {
            "edited": b"edited there",
            "new": b"new",
            "new folder/in it": b"in it",
        }.items()
    )


@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_file_is_not_put_while_it_is_where_it_was_staged(copies: Copies, when: int) -> None:
    root = copies["b"].root
    assert die_bringing(copies, when, FILE_PUT)
    missing = [path for path in ("new", "new folder/in it") if not (root / path).exists()]
    assert missing
    for path in missing:
        write(root / path, "mine")
    conflicts = [path for path in both(copies) if ".conflict" in path]
    assert len(conflicts) == len(missing)


def test_a_kill_after_it_was_found_out_finds_the_same(copies: Copies) -> None:
    """What tells whether the file was put is cleared up at once."""
    assert die_bringing(copies, calls=FILE_PUT)
    assert die_at(1, copies["b"].open, calls=re.compile("tell"))
    assert die_at(1, copies["b"].open, calls=re.compile("tell"))
    found = both(copies)
    assert (found["new"], found["new folder/in it"]) == (b"new", b"in it")


def test_a_file_that_was_refused_was_not_put(copies: Copies) -> None:
    """It is thrown away then, as one is gone that was put."""
    root = copies["b"].root

    def take_the_name() -> None:
        copies["b"].open()
        place = Applier.put

        def put(self: Applier, *arguments: object) -> object:
            (root / "new").write_text("mine")
            return place(self, *arguments)  # type: ignore[arg-type]

        Applier.put = put  # type: ignore[assignment,method-assign]

    b = copies["b"]
    b.tree.scan()
    b.hear(copies["a"])
    b.close()
    die_at(1, lambda: b.tree.bring().left, before=take_the_name, calls=COMMITTED)
    found = both(copies)
    assert found["new"] in {b"mine", b"new"}
    assert len([name for name in found if name.startswith("new.conflict")]) == 1


def test_what_was_refused_and_then_put_all_the_same_was_put(tmp_path: Path) -> None:
    """As in a folder that is made writable for it."""
    with closing(Journal(tmp_path / "journal.db", "a")) as journal:
        log = RedoLog(tmp_path / "redo", journal)
        row = Row(b"i" * 16, file(1), frozenset(), frozenset())
        staged = Staged(b"x", b"temporary", Fingerprint(1, 2, 1, 1, 1))
        log.plan([(Put(b"x", row, None), staged)])
        log.refused(staged)
        log.put(staged)
        log.close()
        again = RedoLog(tmp_path / "redo", journal)
        with closing(Folders(str(tmp_path))) as folders:
            again.tell(again.left(folders), folders.root)
        again.close()
        assert journal.row(b"x") == row


# -- when it does not hold


def conflicts(copies: Copies) -> list[str]:
    return [name for name in both(copies) if ".conflict" in name]


@pytest.mark.parametrize("boot", [b"another", b""])
def test_after_a_start_of_the_machine_nothing_of_it_holds(
    copies: Copies, monkeypatch: pytest.MonkeyPatch, boot: bytes
) -> None:
    """What was not on the disk is gone, and nobody has deleted it."""
    assert die_bringing(copies)
    (copies["b"].root / "new").unlink()
    monkeypatch.setattr(redo_log, "boot_id", lambda: boot)
    assert both(copies)["new"] == b"new"


def test_what_may_not_be_on_the_disk_is_not_told_as_done(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert die_bringing(copies)
    (copies["b"].root / "new").unlink()
    with monkeypatch.context() as patched:
        patched.setattr(redo_log, "sync_disk", _no_space)
        copies["b"].open()
        copies["b"].close()
    assert both(copies)["new"] == b"new"


def test_it_holds_for_what_begins_with_a_large_file(copies: Copies) -> None:
    """Its manifest is put into the same database."""
    a, root = copies["a"], copies["b"].root
    copies.sync()
    write(a.root / "large", b"large" * 200_000)
    write(a.root / "small", "small")
    a.tree.scan()
    assert die_bringing(copies)
    replace(root / "large", "mine")
    (root / "small").unlink()
    found = both(copies)
    assert found["large"] == b"mine"
    assert "small" not in found


def test_beside_another_base_nothing_of_it_holds(copies: Copies) -> None:
    b = copies["b"]
    assert die_bringing(copies)
    kept = b.place.redo.read_bytes()
    b.open()
    b.close()
    b.place.redo.write_bytes(kept)
    (b.root / "edited").unlink()
    b.open()
    b.close()
    assert b.place.redo.read_bytes() == kept[: len(b.place.redo.read_bytes())]
    assert "edited" not in both(copies)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-3],
        lambda data: data + b"\xc1",
        lambda data: data.replace(b"plan", b"plum"),
        lambda data: b"\x93" + data,
        lambda data: b"",
    ],
)
def test_a_damaged_one_is_let_be(copies: Copies, damage: Callable[[bytes], bytes]) -> None:
    assert die_bringing(copies)
    redo = copies["b"].place.redo
    redo.write_bytes(damage(redo.read_bytes()))
    found = both(copies)
    assert (found["edited"], found["new"]) == (b"edited there", b"new")
    assert len(found) == 7


def test_what_was_done_is_done_again_where_the_disk_did_not_take_it(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = copies["b"]
    b.tree.scan()
    b.hear(copies["a"])

    def lost(_: Applier) -> NoReturn:
        (b.root / "new").unlink()
        raise RefusedError(Reason.FAILED, b"", "an error of the disk")

    with monkeypatch.context() as patched:
        patched.setattr(Applier, "sync", lost)
        with pytest.raises(RefusedError):
            b.tree.bring()
    b.close()
    assert both(copies)["new"] == b"new"


def test_a_disk_that_is_full_for_it_hinders_nothing(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int, _parts: Sequence[bytes], _offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(redo_log, "write_at", full)
        assert die_bringing(copies)
        assert copies["b"].place.redo.stat().st_size == 0
    replace(copies["b"].root / "edited", "edited here")
    assert len(conflicts(copies)) == 1


def test_it_is_empty_once_the_base_says_it(copies: Copies) -> None:
    b = copies["b"]
    b.tree.scan()
    b.hear(copies["a"])
    b.tree.bring()
    assert b.place.redo.stat().st_size == 0
    assert b.place.redo.stat().st_mode & 0o777 == 0o600


def test_extended_attributes_that_the_disk_did_not_keep_are_no_edit(
    copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = copies["a"], copies["b"]
    os.setxattr(a.root / "new", "user.colour", b"red")
    a.tree.scan()
    with monkeypatch.context() as patched:
        patched.setattr(os, "setxattr", _no_space)
        assert die_bringing(copies)
    assert os.listxattr(b.root / "new") == []
    both(copies)
    assert os.getxattr(a.root / "new", "user.colour") == b"red"


def _no_space(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
