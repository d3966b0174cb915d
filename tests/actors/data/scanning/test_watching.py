from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulacra
from simulacra.actors.data.entries import ROOT, TEMPORARY
from simulacra.actors.data.scanning import watching
from simulacra.actors.data.scanning.watching import LATEST, QUIET, Gathering, Hint, Watcher
from tests.actors.data.scanning.observing import Tree, said
from tests.support import DEADLINE, eventually

SOURCES = Path(simulacra.__file__).parents[1]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    tree = Tree(tmp_path / "tree", tmp_path / "index" / "tree.db")
    yield tree
    tree.index.close()


@contextmanager
def watched(tree: Tree) -> Iterator[queue.Queue[Hint]]:
    """A tree that is scanned, and the hints of what changes from then on."""
    threads, descriptors = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    hints: queue.Queue[Hint] = queue.Queue()
    watcher = Watcher(hints.put)
    watcher.start()
    try:
        tree.scan(visitor=watcher.add)
        yield hints
    finally:
        watcher.close()
    assert set(threading.enumerate()) <= threads
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def told(hints: queue.Queue[Hint], *folders: bytes, maybe: bytes | None = None) -> None:
    """Wait until these folders were named; no other may be, but what may be named once more."""
    deadline, named = time.monotonic() + DEADLINE, set[bytes]()
    while not named >= set(folders):
        hint = hints.get(timeout=max(0.0, deadline - time.monotonic()))
        assert not hint.everything
        named |= hint.folders
    assert named - {maybe} == set(folders)


def follow(tree: Tree, hints: queue.Queue[Hint], watcher: Watcher) -> None:
    """Scan what is hinted at until the index is right."""
    deadline = time.monotonic() + DEADLINE
    while tree.observed() != tree.disk():
        hint = hints.get(timeout=max(0.0, deadline - time.monotonic()))
        tree.scan(None if hint.everything else hint.folders, visitor=watcher.add)


def test_a_hint_names_the_folder_in_which_something_changed(tree: Tree) -> None:
    tree.folder(b"a/\xff")
    tree.folder(b"b")
    tree.write(b"b/x")
    with watched(tree) as hints:
        tree.write(b"a/\xff/new")
        told(hints, b"a/\xff")
        os.chmod(tree.path(b"b/x"), 0o700)
        told(hints, b"b", maybe=b"a/\xff")
        os.rename(tree.path(b"b/x"), tree.path(b"x"))
        told(hints, b"b", ROOT)


def test_our_own_temporary_files_are_no_hint(tree: Tree) -> None:
    tree.folder(b"a")
    with watched(tree) as hints:
        tree.write(b"a/" + TEMPORARY + b"1")
        os.unlink(tree.path(b"a/" + TEMPORARY + b"1"))
        tree.write(b"theirs")
        told(hints, ROOT)


def test_ignored_folders_are_not_watched(tree: Tree) -> None:
    tree.folder(b"build/deep")
    tree.folder(b"a")
    tree.write(b".simulacraignore", b"build")
    with watched(tree) as hints:
        tree.write(b"build/deep/x")
        tree.write(b"a/x")
        told(hints, b"a")


def test_scans_by_hints_follow_what_happens(tree: Tree) -> None:
    hints: queue.Queue[Hint] = queue.Queue()
    watcher = Watcher(hints.put)
    watcher.start()
    try:
        tree.scan(visitor=watcher.add)
        tree.folder(b"a/b/c")
        tree.write(b"a/b/c/x")
        follow(tree, hints, watcher)
        tree.write(b"a/b/c/x", b"in a folder that was new")
        follow(tree, hints, watcher)
        os.rename(tree.path(b"a/b"), tree.path(b"moved"))
        follow(tree, hints, watcher)
        tree.write(b"moved/c/x", b"in a folder that was moved")
        follow(tree, hints, watcher)
        shutil.rmtree(tree.path(b"moved"))
        follow(tree, hints, watcher)
    finally:
        watcher.close()


def test_a_touch_is_seen_within_a_second(tree: Tree) -> None:
    tree.write(b"a")
    with watched(tree) as hints:
        contents = (b"%d" % number for number in count())

        def seen_soon() -> bool:
            started = time.monotonic()
            tree.write(b"a", next(contents))
            while not said(tree.scan(hints.get(timeout=DEADLINE).folders), "found"):
                pass  # a hint of what was written before
            return time.monotonic() - started < 1

        eventually(seen_soon)  # other tests run beside this one


def test_a_queue_that_ran_over_means_everything(tree: Tree) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    hints: queue.Queue[Hint] = queue.Queue()
    watcher = Watcher(hints.put)  # not started: nobody reads
    try:
        tree.scan(visitor=watcher.add)
        for number in range(most // 4 + 10):  # four events each
            name = tree.path(b"%d" % number)
            os.close(os.open(name, os.O_CREAT))
            os.chmod(name, 0o600)
            os.unlink(name)
            os.mkdir(name)
        watcher.start()
        hint = hints.get(timeout=DEADLINE)
        while not hint.everything:
            hint = hints.get(timeout=DEADLINE)
        tree.scan()
        assert tree.observed() == tree.disk()
    finally:
        watcher.close()


@pytest.mark.lab
def test_running_out_of_watches_is_told_with_the_command(tmp_path: Path) -> None:
    """In a user namespace, which has limits of its own."""
    code = """
        import os, queue, pathlib, sys
        pathlib.Path("/proc/sys/user/max_inotify_watches").write_text("3")
        from simulacra.actors.data.entries import ROOT
        from simulacra.actors.data.scanning.watching import Watcher
        from tests.actors.data.scanning.observing import Tree
        base = pathlib.Path(sys.argv[1])
        tree = Tree(base / "tree", base / "tree.db")
        for number in range(6):
            tree.folder(b"%d" % number)
        hints = queue.Queue()
        watcher = Watcher(hints.put)
        watcher.start()
        tree.scan(visitor=watcher.add)
        print(watcher.unwatched)
        print(watcher.trouble)
        tree.write(b"x")
        assert hints.get(timeout=60).folders == {ROOT}
        tree.write(b"5/x")
        tree.scan()
        assert tree.observed() == tree.disk()
        watcher.close()
    """
    unwatched, trouble = _in_a_user_namespace(code, tmp_path).splitlines()
    assert int(unwatched) == 4
    assert "sudo sysctl fs.inotify.max_user_watches=" in trouble


@pytest.mark.lab
def test_running_out_of_watchers_is_told_with_the_command(tmp_path: Path) -> None:
    code = """
        import os, pathlib
        pathlib.Path("/proc/sys/user/max_inotify_instances").write_text("1")
        from simulacra.actors.data.scanning.inotify import WatchLimitError
        from simulacra.actors.data.scanning.watching import Watcher
        first = Watcher(print)
        before = len(os.listdir("/proc/self/fd"))
        try:
            Watcher(print)
        except WatchLimitError as error:
            print(error)
        assert len(os.listdir("/proc/self/fd")) == before
        first.close()
    """
    assert "sudo sysctl fs.inotify.max_user_instances=" in _in_a_user_namespace(code, tmp_path)


def _in_a_user_namespace(code: str, folder: Path) -> str:
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-W", "error", "-c"]
    done = subprocess.run(
        [*command, textwrap.dedent(code), folder],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        cwd=SOURCES,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_hint_that_is_not_taken_does_not_end_the_watching(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    hints: queue.Queue[Hint] = queue.Queue()

    def refuse_first(hint: Hint) -> None:
        hints.put(hint)
        if hint.folders == {ROOT}:
            raise RuntimeError("not now")

    tree.folder(b"a")
    watcher = Watcher(refuse_first)
    watcher.start()
    try:
        tree.scan(visitor=watcher.add)
        tree.write(b"x")
        told(hints, ROOT)
        tree.write(b"a/x")
        told(hints, b"a", maybe=ROOT)
    finally:
        watcher.close()
    assert "was not taken" in caplog.text


def test_a_watcher_that_was_never_started_can_be_closed() -> None:
    before = len(os.listdir("/proc/self/fd"))
    Watcher(print).close()
    assert len(os.listdir("/proc/self/fd")) == before


# -- gathering


@given(
    st.lists(
        st.tuples(st.floats(0, 0.2), st.one_of(st.none(), st.sampled_from([b"a", b"b", b"c"])))
    )
)
def test_what_happened_is_told_in_time_and_whole(steps: list[tuple[float, bytes | None]]) -> None:
    gathering, now = Gathering(), 0.0
    open_since: float | None = None
    waiting: set[bytes | None] = set()
    for wait, folder in steps:
        now += wait
        hint = gathering.take(now)
        if hint is not None:
            assert waiting
            assert hint.everything == (None in waiting)
            assert hint.everything or hint.folders == waiting
            waiting, open_since = set(), None
        gathering.add(folder, now)
        waiting.add(folder)
        open_since = now if open_since is None else open_since
        due = gathering.due()
        assert due is not None
        assert due <= open_since + LATEST
        assert due <= now + QUIET
        assert gathering.take(due - 0.001) is None
    if waiting:
        hint = gathering.take(now + QUIET)
        assert hint is not None
    assert gathering.due() is None


def test_too_many_folders_are_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FOLDERS_MOST", 2)
    gathering = Gathering()
    for name in (b"a", b"b", b"a"):
        gathering.add(name, 0)
    assert gathering.take(1) == Hint(frozenset({b"a", b"b"}))
    for name in (b"a", b"b", b"c", b"d"):
        gathering.add(name, 2)
    assert gathering.take(3) == Hint(frozenset(), everything=True)
    gathering.add(b"a", 4)
    assert gathering.take(5) == Hint(frozenset({b"a"}))
