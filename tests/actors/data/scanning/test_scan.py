from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path as FilePath

import pytest

import simulacra
from simulacra.actors.data.entries import ROOT, Kind
from simulacra.actors.data.scanning.ignoring import Choice
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.index_database import IndexDamagedError
from simulacra.actors.data.scanning.looking import Reason
from simulacra.actors.data.scanning.observations import record
from simulacra.actors.data.scanning.roots import RootError, RootTrouble, accept_root
from simulacra.actors.data.scanning.scan import Scan
from tests.actors.data.scanning.observing import Tree, as_nobody, later, reasons, said, whole
from tests.disks import other_disk


@pytest.fixture
def open_tree() -> Iterator[Tree]:
    """A tree to which anybody finds the way."""
    base = FilePath(tempfile.mkdtemp())
    base.chmod(0o755)
    tree = Tree(base / "tree", base / "tree.db")
    yield tree
    tree.index.close()
    shutil.rmtree(base)


# -- what is read, and what is not


def test_a_tree_may_be_deeper_than_any_path(tree: Tree) -> None:
    folder = os.open(tree.root, os.O_RDONLY)
    name = b"n" * 100
    for _ in range(120):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open(b"end", os.O_CREAT, dir_fd=folder))
    os.close(folder)
    open_before = len(os.listdir("/proc/self/fd"))
    most = 0

    def visitor(*_: object) -> None:
        nonlocal most
        most = max(most, len(os.listdir("/proc/self/fd")))

    tree.scan(visitor=visitor)
    assert tree.index.count() == 121
    assert most - open_before < 80
    for path in tree.root.iterdir():
        shutil.rmtree(path)
    tree.scan()
    assert tree.index.count() == 0


# -- moves, links, what takes another's place


def test_what_was_moved_with_its_folder_is_not_read_again(tree: Tree) -> None:
    tree.folder(b"a/b")
    tree.write(b"a/b/c")
    tree.scan(now=later)
    os.rename(tree.path(b"a"), tree.path(b"z"))
    observations = tree.scan(now=later)
    assert tree.digested == []
    found = {each.folder: each.found for each in observations if each.found}
    assert found[b""][b"z"].elsewhere == (b"a",)
    assert found[b"z/b"][b"c"].elsewhere == (b"a/b/c",)
    assert said(observations, "gone") == {b"a", b"a/b", b"a/b/c"}
    assert tree.observed() == tree.disk()


def test_what_is_there_comes_before_what_is_gone(tree: Tree) -> None:
    tree.write(b"z")
    tree.folder(b"b")
    tree.scan()
    os.rename(tree.path(b"z"), tree.path(b"b/z"))
    observations = tree.scan()
    gone = [bool(each.gone) for each in observations]
    assert gone == sorted(gone)
    assert observations[-1].gone.keys() == {b"z"}


# -- what is gone


def test_how_much_is_gone_is_known_before_it_is_told(tree: Tree) -> None:
    tree.folder(b"a/b")
    for name in (b"a/b/c", b"a/d", b"e", b"f"):
        tree.write(name)
    tree.scan()
    shutil.rmtree(tree.path(b"a"))
    os.unlink(tree.path(b"e"))
    with Scan(tree.root, tree.index, whole) as scan:
        assert [each for each in scan.present() if each.gone] == []
        assert scan.doubted() == 5
    assert tree.index.count() == 6  # nothing was told, nothing is forgotten
    assert said(tree.scan(), "gone") == {b"a", b"a/b", b"a/b/c", b"a/d", b"e"}


def test_a_name_that_came_back_is_not_gone(tree: Tree) -> None:
    tree.write(b"a")
    tree.scan()
    os.unlink(tree.path(b"a"))
    with Scan(tree.root, tree.index, whole) as scan:
        for observation in scan.present():
            record(tree.index, observation)
        tree.write(b"a", b"again")
        assert list(scan.gone()) == []
    tree.scan()
    assert tree.observed() == tree.disk()


def test_many_that_are_gone_are_told_in_parts(tree: Tree) -> None:
    tree.folder(b"many")
    for number in range(2100):
        tree.write(b"many/%d" % number, b"")
    found = [len(each.found) for each in tree.scan() if each.folder == b"many"]
    assert found == [1000, 1000, 100]
    shutil.rmtree(tree.path(b"many"))
    gone = [len(each.gone) for each in tree.scan()]
    assert gone == [1000, 1000, 100, 1]


# -- the root


def test_a_root_that_is_missing_is_no_tree_in_which_all_is_gone(tree: Tree) -> None:
    tree.write(b"a")
    tree.scan()
    shutil.rmtree(tree.root)
    with pytest.raises(RootError, match="mounted") as missing:
        tree.scan()
    assert missing.value.trouble is RootTrouble.MISSING
    tree.root.write_text("a file")
    with pytest.raises(RootError) as file:
        tree.scan()
    assert file.value.trouble is RootTrouble.NO_FOLDER
    assert tree.index.count() == 1
    tree.root.unlink()


def test_another_root_with_nothing_in_it_is_to_be_accepted(tree: Tree) -> None:
    tree.write(b"a")
    tree.scan()
    kept = tree.root.with_name("kept")
    tree.root.rename(kept)
    tree.root.mkdir()
    for name in (b".simulacra-quarantine", b".simulacra-tmp-1"):
        (tree.root / os.fsdecode(name)).mkdir()
        with pytest.raises(RootError, match="another folder than before, and empty") as trouble:
            tree.scan()
        assert trouble.value.trouble is RootTrouble.OTHER_AND_EMPTY
    shutil.rmtree(tree.root)
    shutil.copytree(kept, tree.root)  # what is in it says that it is the tree
    assert not said(tree.scan(), "gone")
    os.unlink(tree.path(b"a"))
    assert said(tree.scan(), "gone") == {b"a"}  # the same folder may be emptied
    tree.write(b"b")
    tree.scan()
    shutil.rmtree(tree.root)
    kept.rename(tree.root)
    os.unlink(tree.path(b"a"))
    with pytest.raises(RootError):
        tree.scan()
    accept_root(tree.index)
    assert said(tree.scan(), "gone") == {b"b"}


def test_a_root_on_another_file_system_is_to_be_accepted(tree: Tree) -> None:
    tree.write(b"a")
    tree.scan()
    shutil.rmtree(tree.root)
    with other_disk(FilePath(tree.database)) as other:
        tree.root.symlink_to(other)
        with pytest.raises(RootError) as trouble:
            tree.scan()
        assert trouble.value.trouble is RootTrouble.OTHER_FILE_SYSTEM
        accept_root(tree.index)
        assert said(tree.scan(), "gone") == {b"a"}
        tree.scan()
    tree.root.unlink()


# -- what cannot be read


def test_what_is_denied_is_listed_and_not_gone(open_tree: Tree) -> None:
    tree = open_tree
    tree.folder(b"closed/below")
    for name in (b"closed/a", b"closed/below/b", b"secret", b"open"):
        tree.write(name)
    tree.scan()
    before = tree.observed()
    os.chmod(tree.path(b"closed"), 0)
    os.chmod(tree.path(b"secret"), 0)
    os.unlink(tree.path(b"open"))
    with as_nobody():
        observations = tree.scan()
    assert reasons(observations) == {b"closed": Reason.DENIED, b"secret": Reason.DENIED}
    assert said(observations, "gone") == {b"open"}
    assert tree.observed() == {path: before[path] for path in before if path != b"open"}
    os.chmod(tree.path(b"closed"), 0o755)
    os.chmod(tree.path(b"secret"), 0o644)
    # Once it is open again all of it is looked at, whoever was told of what changed meanwhile.
    tree.write(b"closed/below/b", b"edited meanwhile")
    assert b"closed/below/b" in said(tree.scan([ROOT]), "found")
    assert tree.observed() == tree.disk()


def test_a_folder_whose_names_alone_can_be_read_is_held(open_tree: Tree) -> None:
    tree = open_tree
    tree.folder(b"a")
    tree.write(b"a/b")
    tree.scan()
    os.chmod(tree.path(b"a"), 0o444)
    with as_nobody():
        observations = tree.scan()
    assert reasons(observations) == {b"a": Reason.DENIED}
    assert said(observations, "gone") == set()
    os.chmod(tree.path(b"a"), 0o755)


@pytest.mark.lab
def test_another_file_system_in_the_tree_is_not_entered(tree: Tree) -> None:
    tree.folder(b"disk")
    tree.write(b"disk/a")
    tree.scan()
    before = tree.observed()
    subprocess.run(["mount", "-t", "tmpfs", "none", tree.path(b"disk")], check=True)
    try:
        tree.write(b"disk/other")
        observations = tree.scan()
        dirty = tree.scan([b"disk"])
    finally:
        subprocess.run(["umount", tree.path(b"disk")], check=True)
    assert reasons(observations) == reasons(dirty) == {b"disk": Reason.OTHER_FILE_SYSTEM}
    assert said(dirty, "found") == set()
    assert tree.observed() == before
    tree.write(b"disk/a", b"edited before it was mounted over")
    assert said(tree.scan([ROOT]), "found") == {b"disk/a"}


# -- whoever changes the tree meanwhile leads nobody out of it


def test_a_folder_swapped_for_a_link_is_not_followed(tree: Tree, tmp_path: FilePath) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    for name in (b"a", b"b", b"b/below", b"c"):
        tree.folder(name)

    def swap(folder: bytes, _: int) -> None:
        if folder == b"a":
            shutil.rmtree(tree.path(b"b"))
            os.symlink(tmp_path / "outside", tree.path(b"b"))

    observations = tree.scan(visitor=swap)
    assert reasons(observations) == {b"b": Reason.CHANGING}
    assert not any(path.endswith(b"secret") for path in said(observations, "found"))
    tree.scan()
    assert tree.observed() == tree.disk()
    assert tree.observed()[b"b"].content.kind is Kind.LINK


# -- some folders alone


def test_only_the_folders_asked_for_are_looked_at(tree: Tree) -> None:
    tree.folder(b"a/deep")
    tree.folder(b"b")
    tree.scan()
    for name in (b"a/x", b"a/deep/x", b"b/x"):
        tree.write(name)
    assert said(tree.scan([b"a"]), "found") == {b"a/x"}
    assert said(tree.scan([b"b", b"a/deep"]), "found") == {b"b/x", b"a/deep/x"}


def test_what_is_below_a_new_folder_is_looked_at(tree: Tree) -> None:
    tree.scan()
    tree.folder(b"new/deep")
    tree.write(b"new/deep/x")
    assert said(tree.scan([ROOT]), "found") == {b"new", b"new/deep", b"new/deep/x"}


def test_a_folder_that_took_the_place_of_another_is_looked_at(tree: Tree) -> None:
    tree.folder(b"a/deep")
    tree.folder(b"b/deep")
    tree.write(b"b/deep/x")
    tree.scan()
    shutil.rmtree(tree.path(b"a"))
    os.rename(tree.path(b"b"), tree.path(b"a"))
    tree.scan([ROOT])
    assert tree.observed() == tree.disk()


def test_for_a_folder_that_is_gone_or_unknown_the_one_above_tells(tree: Tree) -> None:
    tree.folder(b"a/b")
    tree.scan()
    shutil.rmtree(tree.path(b"a"))
    assert said(tree.scan([b"a/b"]), "gone") == {b"a", b"a/b"}
    tree.folder(b"c/d")
    tree.write(b"c/d/e")
    assert said(tree.scan([b"c/d"], now=later), "found") == {b"c", b"c/d", b"c/d/e"}
    assert tree.scan([b"nowhere/at/all"]) == []


# -- what is ignored


def test_what_is_ignored_is_neither_found_nor_gone(tree: Tree) -> None:
    tree.folder(b"build/out")
    tree.write(b"build/out/a.o")
    tree.write(b"keep.c")
    tree.scan()
    tree.write(b".simulacraignore", b"build/\n*.o\n")
    tree.write(b"b.o")
    observations = tree.scan()
    assert said(observations, "found") == {b".simulacraignore"}
    assert said(observations, "gone") == set()
    assert said(observations, "forgotten") == {b"build", b"build/out", b"build/out/a.o"}
    shutil.rmtree(tree.path(b"build"))
    assert said(tree.scan(), "gone") == set()
    os.unlink(tree.path(b".simulacraignore"))
    observations = tree.scan([ROOT])
    assert said(observations, "found") == {b"b.o"}


def test_a_changed_ignore_file_concerns_all_that_is_below_it(tree: Tree) -> None:
    tree.folder(b"a/b")
    tree.write(b"a/b/x.o")
    tree.scan()
    tree.write(b"a/.simulacraignore", b"*.o")
    assert said(tree.scan([b"a"]), "forgotten") == {b"a/b/x.o"}
    tree.write(b"a/.simulacraignore", b"!*.o")
    assert b"a/b/x.o" in said(tree.scan([b"a"]), "found")
    tree.write(b"a/.simulacraignore", b"b")
    tree.scan([b"a"], now=later)
    tree.write(b"a/b/y")
    assert tree.scan([b"a/b"]) == []
    os.unlink(tree.path(b"a/.simulacraignore"))
    assert said(tree.scan([b"a"]), "found") == {b"a/b", b"a/b/x.o", b"a/b/y"}


def test_what_was_ignored_and_removed_at_once_is_not_gone(tree: Tree) -> None:
    tree.folder(b"data/big")
    tree.write(b"data/big/x")
    tree.write(b"data/y")
    tree.write(b"large", b"x" * 100)
    tree.scan()
    shutil.rmtree(tree.path(b"data"))
    os.unlink(tree.path(b"large"))
    observations = tree.scan(choice=Choice(exclude=("big/",), largest=99))
    assert said(observations, "gone") == {b"data", b"data/y"}
    assert said(observations, "forgotten") == {b"data/big", b"data/big/x", b"large"}
    assert tree.index.count() == 0


def test_a_folder_whose_ignore_file_cannot_be_read_is_held(tree: Tree) -> None:
    tree.folder(b"a")
    tree.write(b"a/secret")
    os.symlink("elsewhere", tree.path(b"a/.simulacraignore"))
    observations = tree.scan()
    assert reasons(observations) == {b"a": Reason.RULES_UNREADABLE}
    assert said(observations, "found") == {b"a"}
    os.unlink(tree.path(b"a/.simulacraignore"))
    tree.write(b"a/.simulacraignore", b"secret\n\\")
    [observation] = [each for each in tree.scan() if each.mistakes]
    assert [mistake.line for mistake in observation.mistakes] == [2]
    assert set(tree.observed()) == {b"a", b"a/.simulacraignore"}


# -- the index may be lost


@pytest.mark.parametrize("after", [1, 5, 12])
def test_a_scan_that_is_killed_leaves_an_index_that_is_right(tree: Tree, after: int) -> None:
    for number in range(12):
        tree.folder(b"%d" % number)
        for each in range(300):
            os.close(os.open(tree.path(b"%d/%d" % (number, each)), os.O_CREAT))
    tree.index.close()
    code = """
        import pathlib, sys
        from tests.actors.data.scanning.observing import Tree
        from simulacra.actors.data.scanning.observations import record
        from simulacra.actors.data.scanning.scan import Scan
        tree = Tree(*map(pathlib.Path, sys.argv[1:]))
        with Scan(tree.root, tree.index, tree.digest) as scan:
            for observation in scan.present():
                record(tree.index, observation)
                print("one", flush=True)
    """
    paths = [os.fspath(tree.root), os.fspath(tree.database)]
    command = [sys.executable, "-c", textwrap.dedent(code), *paths]
    sources = FilePath(simulacra.__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": str(sources)}
    with subprocess.Popen(command, cwd=sources, env=env, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(after):
            assert child.stdout.readline() == b"one\n"
        child.kill()
    tree.index = Index(tree.database)
    assert tree.index.damage is None
    tree.mirror = tree.observed()
    assert tree.mirror.items() <= tree.disk().items()
    tree.scan()
    assert tree.observed() == tree.mirror == tree.disk()


@pytest.mark.parametrize("harm", ["deleted", "emptied", "truncated", "garbage", "a folder's"])
def test_a_lost_index_is_rebuilt_and_nothing_is_gone(tree: Tree, harm: str) -> None:
    for number in range(50):
        tree.write(b"%d" % number)
    tree.scan()
    before = tree.observed()
    tree.index.close()
    _harm(tree.database, harm)
    tree.index = Index(tree.database)
    assert tree.index.is_new
    assert (tree.index.damage is None) == (harm in {"deleted", "emptied"})
    observations = tree.scan()
    assert said(observations, "gone") == set()
    assert tree.observed() == before == tree.disk()
    if tree.index.damage is not None:
        assert tree.database.with_name("tree.db.damaged").exists()


def test_an_index_that_fails_at_once_leaves_nothing_open(tree: Tree) -> None:
    def fail() -> bool:
        raise IndexDamagedError("cannot be read")

    tree.index.is_empty = fail  # type: ignore[method-assign]
    with pytest.raises(IndexDamagedError):
        Scan(tree.root, tree.index, lambda *_: b"")
    opened = [
        os.readlink(each) for each in FilePath("/proc/self/fd").iterdir() if each.is_symlink()
    ]
    assert str(tree.root) not in opened


def _harm(database: FilePath, harm: str) -> None:
    content = database.read_bytes()
    if harm == "deleted":
        database.unlink()
    elif harm == "emptied":
        database.write_bytes(b"")
    elif harm == "truncated":
        database.write_bytes(content[: len(content) // 2])
    elif harm == "garbage":
        database.write_bytes(b"\xa5" * len(content))
    else:
        database.write_bytes(b"SQLite format 3\0" + content[16:100] + b"\xff" * 4000)
