"""Random histories of two to four copies of a tree on a real disk, and what must hold after quiet.

Users write, edit, delete and rename; copies scan, hear each other, and bring their disks up to
date, in any order; some are out of reach, and meet without the rest; nodes die at any call that
changes something, and begin again. Every content has a number of its own, so that each can be
followed. Afterwards all meet until nothing changes any more: then all are equal, whatever was
written is there unless somebody took it away knowingly, and what was taken away is not.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from simulacra.actors.data.content.manifest import WHOLE
from simulacra.actors.data.entries import QUARANTINE, TEMPORARY
from simulacra.actors.data.reconciling.copy_names import is_aside_name
from tests.actors.data.trees.copies import Copies, Copy, scan
from tests.actors.data.trees.dying import die_at
from tests.support import examples

HOSTS = "abcd"
NAMES = ["a", "b", "c.txt", "é"]
number = st.integers(0, 999)
hosts = st.sampled_from(HOSTS)


class Histories(RuleBasedStateMachine):
    """See the module."""

    @initialize(size=st.integers(2, 4))
    def begin(self, size: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.copies = Copies(self.folder, *HOSTS[:size])
        self.last = 0
        self.replaced: set[int] = set()
        self.separate: set[int] = set()

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self.folder)
            stack.enter_context(self.copies)
            for copy in self.copies.by_host.values():
                copy.reachable = True
            self.copies.sync()
            self.check()

    def copy(self, host: str) -> Copy:
        every = list(self.copies.by_host.values())
        return every[HOSTS.index(host) % len(every)]

    # -- users

    @rule(host=hosts, a=number, b=number, large=st.sampled_from([False] * 7 + [True]))
    def write(self, host: str, a: int, b: int, *, large: bool) -> None:
        """Make a file or a link, or edit one in place, or by renaming."""
        root = self.copy(host).root
        files = _files(root)
        if files and b % 2:
            path = files[a % len(files)]
        else:
            folders = _folders(root)
            path = folders[a % len(folders)] / NAMES[b // 2 % len(NAMES)]
            if path.is_dir() and not path.is_symlink():
                return
        self._replaced(path)
        self.last += 1
        text = f"<{self.last}>"
        if path.is_symlink() or b % 11 == 0:
            path.unlink(missing_ok=True)
            path.symlink_to(text)
            return
        content = text.encode() + b"\n" + (_noise(self.last) if large else b"")
        if b % 3 and path.exists():
            path.write_bytes(content)
            return
        beside = path.with_name(TEMPORARY.decode() + "by-hand")
        beside.write_bytes(content)
        beside.rename(path)

    @rule(host=hosts, a=number, b=number)
    def mkdir(self, host: str, a: int, b: int) -> None:
        folders = _folders(self.copy(host).root)
        with suppress(FileExistsError):
            (folders[a % len(folders)] / NAMES[b % len(NAMES)]).mkdir()

    @rule(host=hosts, a=number)
    def remove(self, host: str, a: int) -> None:
        """Delete something with all in it."""
        paths = _paths(self.copy(host).root)
        if paths:
            path = paths[a % len(paths)]
            for each in [path, *_paths(path)]:
                self._replaced(each)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    @rule(host=hosts, a=number, b=number)
    def rename(self, host: str, a: int, b: int) -> None:
        """Rename something, maybe over something else."""
        root = self.copy(host).root
        paths, folders = _paths(root), _folders(root)
        if not paths:
            return
        path = paths[a % len(paths)]
        target = folders[b % len(folders)] / NAMES[b // len(folders) % len(NAMES)]
        there = _numbers(target)
        moved = {n for each in [path, *_paths(path)] for n in _numbers(each)}
        with suppress(OSError):
            path.rename(target)
            self.replaced |= there if path != target else set()
            self.separate |= moved

    @rule(host=hosts, a=number, b=number)
    def chmod(self, host: str, a: int, b: int) -> None:
        paths = [path for path in _paths(self.copy(host).root) if not path.is_symlink()]
        if paths:
            paths[a % len(paths)].chmod((0o700, 0o755, 0o640, 0o500)[b % 4] | 0o400)

    def _replaced(self, path: Path) -> None:
        """The user takes away what is here, knowing it."""
        self.replaced |= _numbers(path)

    # -- nodes

    @rule(host=hosts)
    def scan(self, host: str) -> None:
        self._scan(self.copy(host))

    @rule(host=hosts, other=hosts)
    def sync(self, host: str, other: str) -> None:
        here, there = self.copy(host), self.copy(other)
        self._scan(here)
        if here is not there and here.reachable and there.reachable:
            here.hear(there)
        here.tree.bring()

    @rule(host=hosts, other=hosts)
    def meet(self, host: str, other: str) -> None:
        """Two sync with each other, without the rest."""
        two = [self.copy(host), self.copy(other)]
        if two[0] is two[1]:
            return
        before = [each.reachable for each in two]
        for copy, peer in (two, two[::-1], two):
            self._scan(copy)
            copy.hear(peer)
            copy.reachable = peer.reachable = True
            copy.tree.bring()
        for copy, was in zip(two, before, strict=True):
            copy.reachable = was

    @rule(host=hosts, reachable=st.booleans())
    def detach_or_rejoin(self, host: str, *, reachable: bool) -> None:
        self.copy(host).reachable = reachable

    @rule(host=hosts)
    def restart(self, host: str) -> None:
        self.copy(host).reopen()

    @rule(host=hosts)
    def lose_index(self, host: str) -> None:
        copy = self.copy(host)
        copy.close()
        copy.place.index.unlink()
        copy.open()

    @rule(host=hosts, other=hosts, when=st.integers(1, 300))
    def crash(self, host: str, other: str, when: int) -> None:
        """A node dies at its n-th call that may change something."""
        copy, peer = self.copy(host), self.copy(other)

        def work() -> None:
            copy.open()
            scan(copy)
            if peer is not copy:
                copy.hear(peer)
            copy.tree.bring()

        self._note_copies(copy)
        copy.close()
        die_at(when, work)
        copy.open()

    def _scan(self, copy: Copy) -> None:
        self._note_copies(copy)
        scan(copy)

    def _note_copies(self, copy: Copy) -> None:
        """A conflict copy may be made a file of its own, and is written anew by that."""
        for path in _files(copy.root):
            if ".conflict" in path.name:
                self.separate |= _numbers(path)

    # -- what must hold

    def check(self) -> None:
        first, *others = self.copies.by_host.values()
        tree = _everything(first.root)
        for other in others:
            mine = _everything(other.root)
            differ = {
                path for path in tree.keys() | mine.keys() if tree.get(path) != mine.get(path)
            }
            found = {path: (tree.get(path), mine.get(path)) for path in differ}
            assert not found, f"{first.host} and {other.host} differ: {str(found)[:2000]}"
        for copy in self.copies.by_host.values():
            assert not left_over(copy)
        there = {n for path in _files(first.root) for n in _numbers(path)}
        lost = set(range(1, self.last + 1)) - self.replaced - there
        assert not lost, f"lost: {lost}"
        returned = there & self.replaced - self.separate
        assert not returned, f"came back: {returned}"


def _noise(number: int) -> bytes:
    """More than is kept whole, in which no number is found: chance would make one now and then."""
    return random.Random(number).randbytes(WHOLE + 10).replace(b"<", b">")


def left_over(copy: Copy) -> list[bytes]:
    """What nobody but the node made, and should have removed."""
    names = [os.fsencode(path.name) for path in copy.root.rglob("*")]
    ours = [each for each in names if each.startswith(TEMPORARY) or is_aside_name(each)]
    ours += [each for each in names if each == QUARANTINE]
    begun = copy.place.partial.iterdir() if copy.place.partial.exists() else ()
    return ours + [os.fsencode(path) for path in begun]


def _paths(root: Path) -> list[Path]:
    """What is below a folder, and the user's."""
    found = sorted(root.rglob("*")) if not root.is_symlink() else []
    return [each for each in found if not is_aside_name(os.fsencode(each.name))]


def _files(root: Path) -> list[Path]:
    return [path for path in _paths(root) if path.is_symlink() or not path.is_dir()]


def _folders(root: Path) -> list[Path]:
    return [root, *(path for path in _paths(root) if path.is_dir() and not path.is_symlink())]


def _numbers(path: Path) -> set[int]:
    """The numbers of the contents that a file or link has."""
    if path.is_symlink():
        text = os.fsencode(path.readlink())
    elif path.is_file():
        text = path.read_bytes()[:4096]
    else:
        return set()
    return {int(each) for each in re.findall(rb"<(\d+)>", text)}


def _everything(root: Path) -> dict[bytes, Any]:
    """What is below a folder, but for what no tree keeps."""
    found: dict[bytes, Any] = {}
    for path in root.rglob("*"):
        about = path.lstat()
        is_folder = path.is_dir() and not path.is_symlink()
        content = None
        if path.is_symlink():
            content = os.fsencode(path.readlink())
        elif not is_folder:
            content = path.read_bytes()
        when = 0 if is_folder else about.st_mtime_ns
        found[os.fsencode(path.relative_to(root))] = (about.st_mode, when, content)
    return found


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=examples(10, many=500), stateful_step_count=20, deadline=None
)
pytest.mark.timeout(24 * 3600)(TestHistories)
