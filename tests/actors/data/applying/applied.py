"""What the tests of changing a tree share: a tree with its applier, and an adversary."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath
from types import ModuleType
from typing import Any

import pytest

from simulacra.actors.data.applying import (
    applier,
    attributing,
    displacing,
    folders,
    gripping,
    permits,
    staging,
    syscalls,
)
from simulacra.actors.data.applying.applier import Applied, Applier
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.permits import Permits
from simulacra.actors.data.applying.staging import Staged
from simulacra.actors.data.content.descriptors import write_at
from simulacra.actors.data.entries import TEMPORARY, Attributes, Fingerprint, Path

PLAIN = Attributes(0o644, 1_600_000_000_123_456_789)
MODULES = (applier, attributing, displacing, folders, gripping, permits, staging)
CALLS = {
    "chmod",
    "close",
    "fchmod",
    "fstat",
    "fsync",
    "getxattr",
    "link",
    "listxattr",
    "mkdir",
    "open",
    "removexattr",
    "rename",
    "rmdir",
    "setxattr",
    "stat",
    "symlink",
    "unlink",
    "utime",
    "write",
}


class Scene:
    """A tree in ``tree``, and beside it what was kept, in ``kept``."""

    def __init__(self, base: FilePath) -> None:
        self.base = base
        self.tree, self.kept = base / "tree", base / "kept"
        self.tree.mkdir(parents=True)
        self.kept.mkdir()
        self._numbers = itertools.count()
        self.folders = Folders(str(self.tree))
        self.permits = Permits(FilePath(":memory:"))
        self.applier = Applier(self.folders, self.permits, self.keep)

    def keep(self, folder: int, temporary: bytes, path: Path) -> None:
        kept = self.kept / f"{next(self._numbers)}-{os.fsdecode(path).replace('/', '-')[:200]}"
        os.rename(temporary, kept, src_dir_fd=folder)

    def close(self) -> None:
        self.permits.close()
        self.folders.close()

    def fingerprint(self, path: str) -> Fingerprint:
        return Fingerprint.of((self.tree / path).lstat())

    def stage(self, path: str, content: bytes, attributes: Attributes = PLAIN) -> Staged:
        return self.applier.stage_file(
            path.encode(), lambda f: write_at(f, [content], 0), attributes, len(content)
        )

    def put(self, path: str, content: bytes, expected: Fingerprint | None = None) -> Applied:
        return self.applier.put(self.stage(path, content), expected)

    def write(self, path: str, content: bytes) -> Fingerprint:
        """A file of the user's."""
        where = self.tree / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(content)
        return self.fingerprint(path)

    def texts(self, *places: FilePath) -> list[bytes]:
        """The contents of all files."""
        found = [each for place in places for each in sorted(place.rglob("*"))]
        return [each.read_bytes() for each in found if each.is_file() and not each.is_symlink()]

    def temporaries(self) -> list[FilePath]:
        return [each for each in self.tree.rglob("*") if os.fsencode(each.name)[:15] == TEMPORARY]


@contextmanager
def scene(base: FilePath) -> Iterator[Scene]:
    """A scene that ends with the block."""
    made = Scene(base)
    try:
        yield made
    finally:
        made.close()


class Adversary:
    """Does something once, before the n-th system call; counts them.

    It acts in a thread of its own, as another program would: one that opens a leased file waits
    until the lease ends.
    """

    def __init__(self, at: int, act: Callable[[], object]) -> None:
        self.calls = 0
        self._at = at
        self._act = act
        self._thread: threading.Thread | None = None
        self._mine: int | None = None
        self._off = False

    def before(self) -> None:
        if self._off or threading.current_thread() is self._thread:
            return
        if self.calls == self._at:
            self._thread = threading.Thread(target=self._act)
            self._thread.start()
            self._thread.join(0.01)
        self.calls += 1

    @property
    def acted(self) -> bool:
        return self._thread is not None

    def end(self) -> None:
        self._off = True
        if self._thread is not None:
            self._thread.join(60)
            assert not self._thread.is_alive()


class _Hooked(ModuleType):
    """A module whose system calls let an adversary act before them."""

    def __init__(self, module: ModuleType, adversary: Adversary) -> None:
        super().__init__(module.__name__)
        self._module = module
        self._adversary = adversary

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if name not in CALLS:
            return value

        def call(*arguments: Any, **options: Any) -> Any:
            self._adversary.before()
            return value(*arguments, **options)

        return call


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, adversary: Adversary) -> Iterator[None]:
    """Let an adversary act between the system calls of a block."""
    raw = syscalls._call

    def call(function: str, *arguments: Any) -> int:
        adversary.before()
        return raw(function, *arguments)

    with monkeypatch.context() as patch:
        for module in MODULES:
            patch.setattr(module, "os", _Hooked(os, adversary))
        patch.setattr(syscalls, "_call", call)
        try:
            yield
        finally:
            adversary.end()
