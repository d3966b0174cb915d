"""Whether a git repository may have changed since it was looked at: by `stat` alone.

Git changes nothing but by a new file that takes a name, so the times of its folders and of a few
files tell of every change of refs, HEAD, index, stash and settings, and of a merge or rebase that
begins or ends. What was changed within a tick of the clock before the look is not *settled*: a
change right after could leave the same times, so an equal stamp is not believed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FILES: Final = (
    ".", "HEAD", "index", "packed-refs", "config", "shallow", "logs/refs/stash", "reftable",
    "worktrees",
)  # fmt: skip
_TICK_NS: Final = 20_000_000

Mark = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Stamp:
    """See the module.

    Attributes:
        marks: (what, inode, modification time, size) of each.
        settled: whether an equal stamp means that nothing changed.
    """

    marks: tuple[Mark, ...]
    settled: bool


def stamp(folder: Path, now: int) -> Stamp:
    """The stamp of a git folder.

    Args:
        folder: the git folder.
        now: nanoseconds since the epoch.

    Raises:
        OSError: it cannot be read.
    """
    marks = [mark for name in _FILES if (mark := _mark(folder / name, name))]
    for place, folders, _ in os.walk(folder / "refs"):
        folders.sort()
        if mark := _mark(Path(place), os.path.relpath(place, folder)):
            marks.append(mark)
    latest = max((mark[2] for mark in marks), default=0)
    return Stamp(tuple(marks), settled=not 0 <= now - latest < _TICK_NS)


def _mark(path: Path, name: str) -> Mark | None:
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return name, found.st_ino, found.st_mtime_ns, found.st_size
