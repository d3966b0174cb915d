"""Many new files come by a process of its own, and nothing is lost when that, or the node, dies."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.making import Making, Wanted
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.applying.staging import Staged
from simulacra.actors.data.content.manifest import WHOLE
from simulacra.actors.data.entries import TEMPORARY
from simulacra.actors.data.trees import bringing, ordering
from simulacra.actors.data.trees.ordering import Makers
from tests.actors.data.trees.copies import Copies, contents
from tests.actors.data.trees.dying import die_at
from tests.actors.data.trees.test_bringing import Wrong, only
from tests.actors.data.trees.test_local_tree import write

FILES = 20


class Watched(Making):
    """Notes what it was asked for."""

    staged: list[bytes] = []  # noqa: RUF012 - one for all
    put_: list[bytes] = []  # noqa: RUF012

    def want(self, files: Sequence[Wanted], source: int) -> None:
        self.staged.extend(each.path for each in files)
        super().want(files, source)

    def put(self, files: Sequence[Staged]) -> None:
        self.put_.extend(each.path for each in files)
        super().put(files)


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Copies]:
    """`a` has files that `b` lacks; packs are small, and all that makers do is noted."""
    monkeypatch.setattr(bringing, "MOST", 3)
    monkeypatch.setattr(bringing, "BATCH", 6)
    monkeypatch.setattr(ordering, "Making", Watched)
    monkeypatch.setattr(Watched, "staged", [])
    monkeypatch.setattr(Watched, "put_", [])
    with Copies(tmp_path, "a", "b") as made:
        for number in range(FILES):
            write(made["a"].root / f"folder {number % 2}" / f"{number:02}", f"content {number}")
        made["a"].tree.scan()
        made["b"].tree.scan()
        made["b"].hear(made["a"])
        yield made


def temporaries(root: Path) -> list[Path]:
    return [each for each in root.rglob("*") if os.fsencode(each.name).startswith(TEMPORARY)]


def test_each_new_file_is_staged_and_put_once(copies: Copies) -> None:
    b = copies["b"]
    assert b.tree.bring().left == {}
    assert contents(b.root) == contents(copies["a"].root)
    assert len(Watched.staged) == len(set(Watched.staged)) == FILES
    assert sorted(Watched.put_) == sorted(Watched.staged)
    copies.sync()  # the index knows them: nothing is read again, and nothing is an edit
    assert contents(b.root) == contents(copies["a"].root)


def test_files_that_are_equal_come_whichever_pack_their_bytes_came_in(copies: Copies) -> None:
    """What came with a pack is let go of as others come."""
    a, b = copies["a"], copies["b"]
    b.tree.bring()
    for number in range(FILES):
        same = number - 6 if number % 3 == 0 and number >= 6 else number
        write(a.root / "equal" / f"{number:02}", f"other {same}")
    a.tree.scan()
    b.hear(a)
    assert b.tree.bring().left == {}
    assert contents(b.root) == contents(a.root)
    assert len(Watched.staged) > FILES


def test_what_is_no_new_small_file_is_done_by_the_tree_itself(copies: Copies) -> None:
    a, b = copies["a"].root, copies["b"]
    b.tree.bring()
    for number in range(FILES):
        write(a / "edited" / str(number), f"new {number}")
        write(a / f"folder {number % 2}" / f"{number:02}", f"edited {number}")
    write(a / "empty", "")
    write(a / "large", os.urandom(WHOLE + 1))
    (a / "link").symlink_to("empty")
    copies.sync()
    assert contents(b.root) == contents(a)
    assert b"large" not in Watched.staged
    assert len([path for path in Watched.staged if path.startswith(b"edited/")]) == FILES


def test_bytes_that_are_wrong_are_asked_of_others(copies: Copies) -> None:
    b, remotes = copies["b"], copies["b"].remotes()
    only(b, Wrong(copies["a"]), *remotes)
    assert b.tree.bring().left == {}
    assert contents(b.root) == contents(copies["a"].root)


def test_a_name_that_is_taken_meanwhile_is_refused(copies: Copies) -> None:
    b = copies["b"]
    (b.root / "folder 0").mkdir()
    (b.root / "folder 0" / "00").write_text("the user's")
    left = b.tree.bring().left
    assert left
    assert (b.root / "folder 0" / "00").read_text() == "the user's"
    copies.sync()
    assert contents(b.root) == contents(copies["a"].root)
    assert temporaries(b.root) == []


@pytest.mark.parametrize("when", ["want", "made", "put", "placed"])
def test_when_a_maker_is_killed_it_goes_on_once_the_tree_was_opened_again(
    copies: Copies, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    b = copies["b"]

    class Killed(Watched):
        pass

    def kill(self: Killed, *given: object) -> object:
        os.kill(self.pid, signal.SIGKILL)
        return getattr(Watched, when)(self, *given)

    setattr(Killed, when, kill)
    monkeypatch.setattr(ordering, "Making", Killed)
    with pytest.raises(RefusedError, match="was killed"):
        b.tree.bring()
    b.reopen()
    assert temporaries(b.root) == []
    monkeypatch.setattr(ordering, "Making", Watched)
    copies.sync()
    assert contents(b.root) == contents(copies["a"].root)
    assert not [path for path in contents(b.root) if ".conflict" in path]


def test_after_one_was_killed_or_could_not_be_started_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Folders(str(tmp_path)) as folders:
        makers = Makers()
        for _ in range(2):
            making = makers.start(folders.root)
            assert making is not None
            making.close()
        lost = makers.start(folders.root)
        assert lost is not None
        os.kill(lost.pid, signal.SIGKILL)
        with pytest.raises(RefusedError):
            lost.made()
        lost.close()
        assert makers.start(folders.root) is None
        monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
        assert Makers().start(folders.root) is None


@pytest.mark.parametrize("call", ["want", "made", "put", "placed", "_was_done", "_save"])
@pytest.mark.parametrize("when", [1, 2])
def test_what_is_edited_after_the_node_was_killed_is_what_came(
    copies: Copies, call: str, when: int
) -> None:
    b = copies["b"]
    b.close()
    assert die_at(when, lambda: b.tree.bring().left, before=b.open, calls=re.compile(rf"{call}"))
    b.open()
    b.close()
    expected: dict[str, bytes | str | None] = dict(contents(copies["a"].root))
    for name, content in contents(b.root).items():
        if content is not None:
            (b.root / name).with_name("beside").write_text("edited")
            (b.root / name).with_name("beside").rename(b.root / name)
            expected[name] = b"edited"
    b.open()
    copies.sync()
    assert contents(b.root) == contents(copies["a"].root) == expected
    assert temporaries(b.root) == []
