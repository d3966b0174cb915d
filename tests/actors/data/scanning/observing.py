"""What the tests of observing trees share: a tree, its index, and what is really on the disk."""

from __future__ import annotations

import ctypes
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath

from blake3 import blake3

from simulacra.actors.data.entries import (
    FOLDER,
    ROOT,
    TEMPORARY,
    Attributes,
    Content,
    Entry,
    Kind,
    Path,
    join,
    parent,
)
from simulacra.actors.data.scanning.ignoring import EVERYTHING, Choice
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.looking import Reason
from simulacra.actors.data.scanning.observations import Observation, Totals, record
from simulacra.actors.data.scanning.scan import Scan, Visitor

NOBODY = 65534


def whole(descriptor: int, size: int) -> bytes:
    """The hash of an open file."""
    return blake3(os.pread(descriptor, size, 0)).digest()


def later() -> int:
    """A time at which all that was written until now is settled."""
    return time.time_ns() + 10_000_000_000


class Tree:
    """A tree, its index, and a mirror kept by what scans say alone."""

    def __init__(self, root: FilePath, database: FilePath) -> None:
        self.root = root
        self.database = database
        self.index = Index(database)
        self.mirror: dict[Path, Entry] = {}
        self.digested: list[int] = []
        self.totals = Totals()
        root.mkdir(exist_ok=True)

    def digest(self, descriptor: int, size: int) -> bytes:
        self.digested.append(os.fstat(descriptor).st_ino)
        return whole(descriptor, size)

    def scan(
        self,
        folders: Iterable[Path] | None = None,
        *,
        choice: Choice = EVERYTHING,
        now: Callable[[], int] = time.time_ns,
        digest: Callable[[int, int], bytes] | None = None,
        visitor: Visitor | None = None,
        crash: int | None = None,
    ) -> list[Observation]:
        """Scan, and record what is said; or stop after so many observations."""
        self.digested.clear()
        taken: list[Observation] = []
        scan = Scan(
            self.root, self.index, digest or self.digest, choice=choice, now=now, visitor=visitor
        )
        with scan:
            for phase in (scan.present(folders), scan.gone()):
                for observation in phase:
                    if len(taken) == crash:
                        return taken
                    taken.append(observation)
                    self.note(observation)
                    record(self.index, observation)
            self.totals = scan.totals
        self.index.commit()
        return taken

    def note(self, observation: Observation) -> None:
        """Keep the mirror, in which nothing may be without the folder it is in."""
        folder = observation.folder
        for each, found in observation.found.items():
            path = join(folder, each)
            self.mirror[path] = found.row.entry
            assert folder == ROOT or self.mirror[folder].content.kind is Kind.FOLDER
        for each in (*observation.gone, *observation.forgotten):
            path = join(folder, each)
            self.mirror.pop(path, None)
            assert not any(parent(other) == path for other in self.mirror)

    def reopen(self) -> None:
        self.index.close()
        self.index = Index(self.database)

    def path(self, path: Path) -> bytes:
        return os.path.join(os.fsencode(self.root), path)

    def write(self, path: Path, text: bytes = b"text") -> None:
        with open(self.path(path), "wb") as file:
            file.write(text)

    def folder(self, path: Path) -> None:
        os.makedirs(self.path(path), exist_ok=True)

    def observed(self) -> dict[Path, Entry]:
        """What the index holds."""
        held: dict[Path, Entry] = {}
        waiting = [ROOT]
        while waiting:
            folder = waiting.pop()
            for each in self.index.fingerprints(folder):
                path = join(folder, each)
                row = self.index.row(path)
                assert row is not None
                held[path] = row.entry
                waiting += [path] if row.is_folder else []
        assert len(held) == self.index.count()  # so none is out of reach
        return held

    def disk(self) -> dict[Path, Entry]:
        """What is there, read in the plainest way."""
        return dict(_below(os.fsencode(self.root), ROOT))


def _below(root: bytes, folder: Path) -> Iterator[tuple[Path, Entry]]:
    for each in os.listdir(os.path.join(root, folder)):
        if each.startswith(TEMPORARY):
            continue
        path = join(folder, each)
        full = os.path.join(root, path)
        status = os.lstat(full)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(full)
            content = Content(Kind.LINK, len(target), blake3(target).digest(), target)
            yield path, Entry(content, Attributes(0o777, status.st_mtime_ns))
        elif stat.S_ISDIR(status.st_mode):
            yield path, Entry(FOLDER, Attributes(mode, 0, _xattrs(full)))
            yield from _below(root, path)
        elif stat.S_ISREG(status.st_mode):
            with open(full, "rb") as file:
                text = file.read()
            attributes = Attributes(mode, status.st_mtime_ns, _xattrs(full))
            yield path, Entry(Content(Kind.FILE, len(text), blake3(text).digest()), attributes)


def _xattrs(full: bytes) -> tuple[tuple[bytes, bytes], ...]:
    names = [name for name in os.listxattr(full) if name.startswith("user.")]
    return tuple(sorted((os.fsencode(name), os.getxattr(full, name)) for name in names))


def said(observations: Iterable[Observation], what: str) -> set[Path]:
    """All paths in one of an observation's lists."""
    return {join(each.folder, name) for each in observations for name in getattr(each, what)}


def reasons(observations: Iterable[Observation]) -> dict[Path, Reason]:
    """What was skipped, and why."""
    return {
        join(each.folder, name): skipped.reason
        for each in observations
        for name, skipped in each.skipped.items()
    }


@contextmanager
def as_nobody() -> Iterator[None]:
    """Use files as somebody who owns nothing: in this thread only, and where it is root."""
    libc = ctypes.CDLL(None)
    root = os.geteuid() == 0
    if root:
        libc.setfsuid(NOBODY)
    try:
        yield
    finally:
        if root:
            libc.setfsuid(0)
