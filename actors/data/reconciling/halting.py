"""When a scan is not to be believed, and a person is asked: the rule that spares a whole tree.

=====================================================  =========================================
found                                                  is taken to be
=====================================================  =========================================
no root                                                a disk that is not mounted
a root on another file system, or that is another one  the mount point without its disk
nothing, where at least `AT_LEAST` were                emptied by mistake
more than half gone, of at least `AT_LEAST`            deleted by mistake
=====================================================  =========================================

Nothing is recorded and nothing applied until the person says that it is so, or it is so no longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AT_LEAST: Final = 10
"""Paths from which on a part of them is a sign of anything."""


@dataclass(frozen=True, slots=True)
class RootFound:
    """What a scan found of a tree as a whole.

    Attributes:
        device: the file system of the root; None if there is no root.
        inode: the root's inode there.
        before: how many paths the base has.
        gone: how many of these were not found, those that were renamed not counted.
    """

    device: int | None
    inode: int
    before: int
    gone: int


def why_halt(found: RootFound, device: int, inode: int) -> str | None:
    """Why nothing should be made of a scan; None if all is well.

    ``device`` and ``inode`` are those of the root when the tree began.
    """
    if found.device is None:
        return "the tree's folder is not there: mount its disk, or make the folder again"
    if (found.device, found.inode) != (device, inode):
        return (
            "the tree's folder is another one than before: mount its disk, "
            "or confirm that this is the tree now"
        )
    if found.before < AT_LEAST:
        return None
    if found.gone >= found.before:
        return f"all {found.before:,} paths of the tree are gone: confirm that they were deleted"
    if 2 * found.gone > found.before:
        return (
            f"{found.gone:,} of the tree's {found.before:,} paths are gone: "
            "confirm that they were deleted"
        )
    return None
