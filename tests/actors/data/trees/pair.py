"""A tree that two real nodes have, each a process of its own, and what is on their disks."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulacra.cli.homes import Home
from tests.support import is_night

PATIENCE = 1800.0 if is_night() else 100.0
"""Seconds in which a tree of any size here is in step."""


class Pair:
    """Two hosts and their copies of the tree ``src``, of which the first has the main store.

    Attributes:
        desk: has the main store.
        lap: follows.
        roots: the tree's folder on each, the first's before the other's.
    """

    def __init__(self, folder: Path, desk: Home, lap: Home) -> None:
        self.desk, self.lap = self.homes = (desk, lap)
        self.roots = folder / "desk-src", folder / "lap-src"

    def begin(self) -> None:
        """Make a tree of what is in the first one's folder, and have all of it on the other."""
        self.desk.do("tree", "add", "src", str(self.roots[0]))
        self.lap.until(lambda: self.lap.client.item("tree_list")["trees"])
        self.lap.do("tree", "follow", "src", str(self.roots[1]))
        self.desk.until(lambda: len(self.desk.client.item("tree_list")["trees"][0]["hosts"]) == 2)
        self.sync()

    def sync(self) -> None:
        """Have both look at all of it, and wait until they are in step."""
        for home in self.homes:
            home.client.item("tree_sync", name="src", timeout=PATIENCE)

    def came(self) -> int:
        """Bytes of contents that came to each from the other."""
        copies = self.desk.client.item("tree_status", name="src")["copies"]
        return sum(each["came"] for each in copies)

    def conflicts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.desk.client.item("conflicts", tree="src")["conflicts"]
        return found

    @contextmanager
    def peaks(self) -> Iterator[list[int]]:
        """The most memory that each node has within this, in bytes; known at its end."""
        processes = [Path("/proc", str(home.client.item("status")["pid"])) for home in self.homes]
        for process in processes:
            (process / "clear_refs").write_text("5")  # the peak is what there is now
        found: list[int] = []
        yield found
        found += [_peak(process) for process in processes]


@contextmanager
def pair(folder: Path, desk: Home, lap: Home) -> Iterator[Pair]:
    """A tree of two nodes that run; at the end it is gone, with its files, as they may be many."""
    both = Pair(folder, desk, lap)
    both.roots[0].mkdir()
    try:
        yield both
    finally:
        lap.run("tree", "unfollow", "src", "--force")
        desk.run("tree", "remove", "src", "--force")
        for root in both.roots:
            shutil.rmtree(root, ignore_errors=True)
        lap.until(lambda: not lap.client.item("tree_list")["trees"])


class Shown(NamedTuple):
    """What is at a path: its type and permissions, when it was modified, and what it has."""

    mode: int
    modified: int
    content: bytes


def shown(root: Path, *, without: str = "") -> dict[str, Shown]:
    """All that is below a folder, but for what is called ``without``, and what is in that."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [each for each in folders if each != without]
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = _shown(path)
    return found


def _shown(path: str) -> Shown:
    status = os.lstat(path)
    if os.path.islink(path):
        return Shown(status.st_mode, status.st_mtime_ns, os.fsencode(os.readlink(path)))
    if os.path.isdir(path):
        return Shown(status.st_mode, 0, b"")
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "blake2b").digest()
    return Shown(status.st_mode, status.st_mtime_ns, digest)


def _peak(process: Path) -> int:
    for line in (process / "status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("a node ended")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail where something takes longer."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took <= seconds, f"it took {took:.1f} s, not {seconds:g}"
