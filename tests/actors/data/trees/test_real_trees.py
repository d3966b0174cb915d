"""Real trees between two real nodes: source trees, histories, many files, and a very large one.

Each is brought to the other host, changed on both sides, and is the same on both then. Where all
of a tree is written at once, as when a source is unpacked, both nodes stay below `MOST_MEMORY`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.content.descriptors import extents, read_at
from tests.actors.data.git.clones import Clone
from tests.actors.data.trees import sources
from tests.actors.data.trees.pair import Pair, pair, shown, within
from tests.disks import in_memory
from tests.simulacra.cli.homes import Home, one_network
from tests.support import is_long_run, is_night, night

MB = 1 << 20
MOST_MEMORY = 300 * MB
SPARSE = 10 << 30
EDIT = b"# edited on lap\n"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """By night on the disk."""
    if is_night():
        yield tmp_path_factory.mktemp("real")
        return
    with in_memory() as folder:
        yield folder


@pytest.fixture(scope="module")
def homes(folder: Path) -> Iterator[list[Home]]:
    with one_network(folder, "desk", "lap") as homes:
        yield homes


@pytest.fixture
def both(folder: Path, homes: list[Home]) -> Iterator[Pair]:
    with pair(folder, *homes) as both:
        yield both


def assert_equal(both: Pair) -> None:
    desk, lap = (shown(root) for root in both.roots)
    differ = {path for path in desk.keys() | lap.keys() if desk.get(path) != lap.get(path)}
    assert not differ, f"{len(differ)} of {len(desk)} differ: {sorted(differ)[:10]}"


def begin(both: Pair) -> None:
    """The first time a tree is brought: it is what it was, and took no more memory than it may."""
    before = shown(both.roots[0])
    with both.peaks() as peaks:
        both.begin()
    assert max(peaks) < MOST_MEMORY
    assert shown(both.roots[1]) == before
    assert shown(both.roots[0]) == before


def by_size(root: Path) -> list[str]:
    """Folders of a root, those with the most files first."""
    counts = {
        each.name: sum(len(files) for _, _, files in os.walk(each))
        for each in root.iterdir()
        if each.is_dir() and not each.is_symlink()
    }
    return sorted(counts, key=lambda name: (-counts[name], name))


def work_apart(both: Pair) -> None:
    """What people do with a source tree, on both sides, while neither hears of the other."""
    desk, lap = both.roots
    moved, gone, copied, *_ = by_size(desk)
    texts = sorted(
        path
        for path in lap.rglob("*.py")
        if path.is_file() and not path.is_symlink() and path.relative_to(lap).parts[0] != gone
    )
    edited = texts[:: max(1, len(texts) // 300)]
    for home in both.homes:
        home.do("tree", "pause", "src")
    (desk / moved).rename(desk / f"{moved} moved")
    shutil.rmtree(desk / gone)
    for path in edited:
        with path.open("ab") as file:
            file.write(EDIT)
    edited[0].chmod(0o700)
    shutil.copytree(lap / copied, lap / "copy", symlinks=True)
    for home in both.homes:
        home.do("tree", "resume", "src")
    both.sync()
    assert both.conflicts() == []
    assert_equal(both)
    assert not (desk / gone).exists()
    assert not (desk / moved).exists()
    assert by_size(desk)[0] == f"{moved} moved"
    for path in edited:
        first, *others = path.relative_to(lap).parts
        now = desk.joinpath(f"{moved} moved" if first == moved else first, *others)
        assert now.read_bytes().endswith(EDIT)


def work_at_once(both: Pair) -> None:
    """Both change much of a tree while it is kept in step."""
    desk, lap = both.roots
    _, first, second, third, *_ = by_size(desk)
    shutil.copytree(desk / second, desk / "again", symlinks=True)
    shutil.rmtree(lap / third)
    shutil.copytree(lap / first, lap / "once more", symlinks=True)
    shutil.rmtree(desk / first)
    both.sync()
    assert both.conflicts() == []
    assert_equal(both)
    assert {"again", "once more"} <= set(by_size(lap))
    assert not {first, third} & set(by_size(lap))


def work_on_source(both: Pair) -> None:
    begin(both)
    came = both.came()
    work_apart(both)
    assert both.came() - came <= edited_bytes(both)  # and nothing of what was moved or copied
    work_at_once(both)


def edited_bytes(both: Pair) -> int:
    """The bytes of the files that were edited on the laptop."""
    return sum(
        path.stat().st_size
        for path in both.roots[1].rglob("*.py")
        if path.is_file() and path.read_bytes().endswith(EDIT)
    )


def test_the_source_of_this_python(both: Pair) -> None:
    sources.standard_library(both.roots[0])
    work_on_source(both)


@night
@pytest.mark.timeout(900)
@pytest.mark.parametrize("requirement", ["Django==5.1.4", "sympy==1.13.3"])
def test_a_source_from_pypi(both: Pair, tmp_path: Path, requirement: str) -> None:
    sources.from_pypi(requirement, both.roots[0], tmp_path / "scratch")
    work_on_source(both)


@night
@pytest.mark.timeout(900)
def test_the_source_of_python_from_debian(both: Pair, tmp_path: Path) -> None:
    sources.from_debian("python3.11", both.roots[0], tmp_path / "scratch")
    work_on_source(both)


def log(clone: Clone) -> str:
    """All that can be reached from branches and tags, and what those are."""
    refs = clone.git("for-each-ref", "refs/heads", "refs/tags")
    return clone.git("log", "--branches", "--tags", "--format=%H %s") + refs


def test_a_clone_with_its_history(both: Pair) -> None:
    desk, lap = (
        Clone(home.name, root / "clone", root)
        for home, root in zip(both.homes, both.roots, strict=True)
    )
    sources.made_history(desk.place, 400)
    both.begin()
    assert log(lap) == log(desk)
    assert lap.status() == []

    both.lap.do("tree", "pause", "src")  # what is committed here is not checked out there meanwhile
    for n in range(5):
        desk.commit(f"src/desk{n}")
    desk.git("branch", "-q", "-D", "topic/3", "topic/4")
    desk.git("tag", "-a", "-m", "one more", "v-desk")
    lap.git("checkout", "-q", "-b", "mine", "v200")
    for n in range(5):
        lap.commit(f"src/part{n}/lap{n}")
    lap.git("merge", "-q", "--no-edit", "topic/9")
    lap.write("src/not-committed", "yet\n")
    both.lap.do("tree", "resume", "src")
    both.sync()
    both.sync()
    assert log(lap) == log(desk)
    # What was committed to a branch that is checked out no more stays, as files of the tree.
    untracked = [*(f"?? src/desk{n}" for n in range(5)), "?? src/not-committed"]
    for clone in (desk, lap):
        assert clone.git("symbolic-ref", "HEAD") == "refs/heads/mine"
        assert clone.status() == untracked
        assert clone.git("fsck", "--strict", "--no-dangling") == ""
        assert not clone.at("topic/3")
        assert clone.at("v-desk")
    assert shown(both.roots[0], without=".git") == shown(both.roots[1], without=".git")


def make_files(root: Path, count: int) -> None:
    """Small files, a hundred in a folder and ten such folders in another."""
    for n in range(count):
        folder = root / f"d{n // 1000}" / f"e{n // 100 % 10}"
        if n % 100 == 0:
            folder.mkdir(parents=True)
        (folder / f"file{n}.txt").write_text(f"the file {n}\n" * (1 + n % 13))


def many_files(both: Pair, count: int) -> None:
    make_files(both.roots[0], count)
    begin(both)
    with both.peaks() as peaks, within(count / 500):
        both.sync()  # of which nothing is new
    assert max(peaks) < MOST_MEMORY
    shutil.rmtree(both.roots[0] / "d1")
    (both.roots[1] / "d0").rename(both.roots[1] / "moved")
    (both.roots[1] / "d2" / "e0" / "file2000.txt").write_text("edited")
    both.sync()
    assert_equal(both)
    assert not (both.roots[1] / "d1").exists()
    assert (both.roots[0] / "moved" / "e9" / "file999.txt").exists()


def test_many_files(both: Pair) -> None:
    many_files(both, 20_000 if is_long_run() else 5_000)


@night
@pytest.mark.timeout(1800)
def test_very_many_files(both: Pair) -> None:
    many_files(both, 100_000)


def test_a_sparse_file_of_ten_gigabytes(both: Pair) -> None:
    file, copy = (root / "disk.img" for root in both.roots)
    with file.open("wb") as made:
        made.truncate(SPARSE)
        for at in (0, SPARSE // 3, SPARSE - 4 * MB):
            made.seek(at)
            made.write(os.urandom(4 * MB))
    with both.peaks() as peaks, within(30):
        both.begin()
    assert max(peaks) < MOST_MEMORY
    assert_same_sparse(file, copy)
    with copy.open("r+b") as edited:
        edited.seek(SPARSE // 2 + 12_345)
        edited.write(b"in the middle")
    came = both.came()
    with within(30):
        both.sync()
    assert both.came() - came <= 4 * MB
    assert_same_sparse(file, copy)
    with file.open("rb") as now:
        now.seek(SPARSE // 2 + 12_345)
        assert now.read(13) == b"in the middle"


def assert_same_sparse(file: Path, copy: Path) -> None:
    """Both have the same bytes in the same places, and take about as much of the disk."""
    one, other = file.stat(), copy.stat()
    assert one.st_size == other.st_size == SPARSE
    assert max(one.st_blocks, other.st_blocks) * 512 < 16 * MB
    with file.open("rb") as first, copy.open("rb") as second:
        for at, end in [*extents(first.fileno(), SPARSE), *extents(second.fileno(), SPARSE)]:
            assert read_at(first.fileno(), end - at, at) == read_at(second.fileno(), end - at, at)
