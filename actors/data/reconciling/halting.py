"""When a deletion is not to be believed, and a person is asked: the rule that spares a whole tree.

Of a tree that had at least `AT_LEAST` paths, more than half may not go at once, what was moved not
counted: whoever took them away may not have meant the tree, and every host would follow. What is
there is taken in meanwhile; nothing is taken to be deleted until the person says that it is so, or
it is there again. A root that is missing or on another disk is seen before (`scanning.roots`).
"""

from __future__ import annotations

from typing import Final

AT_LEAST: Final = 10
"""Paths from which on a part of them is a sign of anything."""


def is_doubtful(gone: int, before: int) -> bool:
    """Whether it is to be asked if so many paths of a tree were deleted.

    Args:
        gone: how many were not found, those that were renamed not counted.
        before: how many there were.
    """
    return before >= AT_LEAST and 2 * gone > before
