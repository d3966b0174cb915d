"""Whatever happens in a tree, and wherever a scan is cut off: the index says what is there."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path as FilePath

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulacra.actors.data.entries import ROOT, TEMPORARY, Path, parent
from tests.actors.data.scanning.observing import Tree, later
from tests.support import examples

NAMES = [b"a", b"b", b"c", "é".encode(), b"\xff\n"]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(b"/".join)


class Histories(RuleBasedStateMachine):
    """Real files, changed at random; what changed is noted as a watcher would."""

    @initialize()
    def begin(self) -> None:
        self.base = FilePath(tempfile.mkdtemp())
        self.tree = Tree(self.base / "tree", self.base / "index.db")
        self.dirty: set[Path] = set()
        self.written = 0

    def teardown(self) -> None:
        self.tree.index.close()
        shutil.rmtree(self.base)

    def _touch(self, path: Path) -> bytes:
        self.dirty.add(parent(path))
        return self.tree.path(path)

    @rule(path=PATHS, times=st.integers(0, 3))
    def write(self, path: Path, times: int) -> None:
        if not os.path.islink(full := self._touch(path)):
            with suppress(OSError):
                _write(full, b"x" * times)

    @rule(path=PATHS)
    def edit_to_the_same_size_and_time(self, path: Path) -> None:
        full = self._touch(path)
        if not os.path.islink(full) and os.path.isfile(full):
            before = os.stat(full)
            self.written += 1
            with open(full, "r+b") as file:
                file.write(bytes([self.written % 256]) * before.st_size)
            os.utime(full, ns=(before.st_atime_ns, before.st_mtime_ns))

    @rule(path=PATHS)
    def make_folder(self, path: Path) -> None:
        with suppress(OSError):
            os.mkdir(self._touch(path))

    @rule(path=PATHS)
    def make_link(self, path: Path) -> None:
        with suppress(OSError):
            os.symlink(b"../a", self._touch(path))

    @rule(path=PATHS)
    def make_what_cannot_be_kept(self, path: Path) -> None:
        with suppress(OSError):
            os.mkfifo(self._touch(path))

    @rule(path=PATHS)
    def make_a_temporary_file(self, path: Path) -> None:
        with suppress(OSError):
            _write(self._touch(path + b"/" + TEMPORARY + b"1"), b"half")

    @rule(path=PATHS, other=PATHS)
    def link_hard(self, path: Path, other: Path) -> None:
        with suppress(OSError):
            os.link(self.tree.path(path), self._touch(other), follow_symlinks=False)

    @rule(path=PATHS, other=PATHS)
    def rename(self, path: Path, other: Path) -> None:
        with suppress(OSError):
            os.rename(self._touch(path), self._touch(other))

    @rule(path=PATHS, mode=st.sampled_from([0o600, 0o644, 0o755]))
    def change_mode(self, path: Path, mode: int) -> None:
        if not os.path.islink(full := self._touch(path)):
            with suppress(OSError):
                os.chmod(full, mode)

    @rule(path=PATHS)
    def remove(self, path: Path) -> None:
        full = self._touch(path)
        with suppress(OSError):
            os.unlink(full)
        shutil.rmtree(full, ignore_errors=True)

    @rule()
    def scan(self) -> None:
        self.tree.scan()
        self._is_right()

    @rule()
    def scan_what_is_dirty(self) -> None:
        self.tree.scan(self.dirty)
        self._is_right()

    @rule(crash=st.integers(0, 4), full=st.booleans())
    def crash(self, crash: int, *, full: bool) -> None:
        self.tree.scan(None if full else self.dirty, crash=crash)
        self.tree.reopen()

    def _is_right(self) -> None:
        assert self.tree.observed() == self.tree.disk()
        assert self.tree.mirror == self.tree.disk()
        self.dirty.clear()

    @invariant()
    def nothing_is_left_open(self) -> None:
        assert len(os.listdir("/proc/self/fd")) < 200


def _write(full: bytes, text: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK  # a pipe must not hold us
    descriptor = os.open(full, flags)
    try:
        os.write(descriptor, text)
    finally:
        os.close(descriptor)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=examples(30, many=300), stateful_step_count=30, deadline=None
)


def test_a_scan_right_after_another_says_nothing(tmp_path: FilePath) -> None:
    tree = Tree(tmp_path / "tree", tmp_path / "index.db")
    for name in NAMES:
        tree.folder(name)
        for other in NAMES:
            tree.write(name + b"/" + other)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.fspath(tree.root / "socket"))
    tree.scan(now=later)
    again = tree.scan(now=later)
    assert [(each.folder, list(each.skipped)) for each in again] == [(ROOT, [b"socket"])]
    assert tree.digested == []
    tree.index.close()
