"""Changes to a tree, made by a process of its own, which is killed, or lacks room or permission.

``python -m tests.actors.data.applying.changes BASE KIND [UID]`` changes ``BASE/tree``; what is
displaced goes to ``BASE/kept``. No test is in here, and nothing is imported that takes long.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path as FilePath

from simulacra.actors.data.applying.applier import Applier
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.permits import Permits
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.entries import Attributes, Fingerprint, Kind, Path

OLD, NEW = b"old content " * 500, b"new content " * 700
WAS = Attributes(0o644, 1_600_000_000_000_000_000)
NOW = Attributes(0o600, 1_700_000_000_000_000_000)


class Changing:
    """A tree and its applier, without any of the tests' own."""

    def __init__(self, base: FilePath) -> None:
        self.base, self.tree = base, base / "tree"
        with ExitStack() as stack:
            self.folders = stack.enter_context(Folders(str(self.tree)))
            self.permits = Permits(base / "permits.db")
            stack.callback(self.permits.close)
            self.stack = stack.pop_all()
        self.applier = Applier(self.folders, self.permits, self.keep)

    def keep(self, folder: int, temporary: bytes, path: Path) -> None:
        kept = self.base / "kept" / os.fsdecode(path).replace("/", "-")
        os.rename(temporary, kept, src_dir_fd=folder)

    def there(self, path: str) -> Fingerprint:
        return Fingerprint.of((self.tree / path).lstat())

    def put(self, path: str, content: bytes, expected: Fingerprint | None = None) -> None:
        staged = self.applier.stage_file(path.encode(), partial(_write, content), NOW, len(content))
        self.applier.put(staged, expected)


def _write(content: bytes, descriptor: int) -> None:
    """By ``write``, where the kernel is told to kill."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def prepare(base: FilePath) -> None:
    """The tree as it is before: each in a folder that may be made read-only."""
    (base / "kept").mkdir(parents=True)
    for name in ("replaced", "removed", "moved", "touched"):
        path = base / "tree" / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(OLD)
        path.chmod(WAS.mode)
        os.utime(path, ns=(WAS.mtime_ns, WAS.mtime_ns))
    (base / "tree" / "d" / "empty").mkdir()


def everything(on: Changing) -> None:
    """One change of each kind."""
    on.put("d/new", NEW)
    on.put("d/replaced", NEW, on.there("d/replaced"))
    on.applier.remove(b"d/removed", on.there("d/removed"), Kind.FILE)
    on.applier.move(b"d/moved", b"d/there", on.there("d/moved"), Kind.FILE)
    on.applier.set_attributes(b"d/touched", on.there("d/touched"), Kind.FILE, WAS, NOW)
    on.applier.put(on.applier.stage_link(b"d/link", b"new", NOW), None)
    on.applier.make_folder(b"d/made", Attributes(0o750))
    on.applier.remove(b"d/empty", on.there("d/empty"), Kind.FOLDER)
    on.applier.sync()


def batch(on: Changing) -> None:
    """Many files at once, each new and then replaced."""
    for content in (OLD, NEW):
        write = partial(_write, content)
        staged = [
            on.applier.stage_file(b"d/%d" % number, write, NOW, len(content))
            for number in range(20)
        ]
        for each in staged:
            path = os.fsdecode(each.path)
            on.applier.put(each, on.there(path) if (on.tree / path).exists() else None)
        on.applier.sync()


def fill(on: Changing) -> None:
    """More than fits: what is refused is printed."""
    expected = on.there("d/replaced")
    for number in range(64):
        try:
            on.put(f"d/big{number}", bytes(range(256)) * 256)
        except RefusedError as error:
            print(error.reason.name, error)  # noqa: T201
    try:
        on.put("d/replaced", bytes(range(256)) * 4096, expected)
    except RefusedError as error:
        print(error.reason.name, error)  # noqa: T201
    on.applier.remove(b"d/removed", on.there("d/removed"), Kind.FILE)
    on.applier.sync()


def main() -> None:
    base, kind, *user = sys.argv[1:]
    if user:
        os.setgid(int(user[0]))
        os.setuid(int(user[0]))
    on = Changing(FilePath(base))
    with on.stack:
        {"everything": everything, "batch": batch, "fill": fill}[kind](on)


if __name__ == "__main__":
    main()
