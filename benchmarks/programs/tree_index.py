"""Ours: one host's copy of a tree of many files, by itself; `rescan` (s) or `bytes` (each file).

How many is the program's second argument: they are made before the first sample, and first read
in it. `rescan` looks at all of them again, none having changed; `bytes` is the size of what is kept
of them, the index of what was seen and the journal of what is known.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.program import serve
from benchmarks.sync_scenes import folders
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.place import Place

_IN_FOLDER = 1000
_SETTLED = 2.1  # what was written a moment ago is read once more


class Indexed:
    """A copy that is read.

    Args:
        root: the folder.
        state: where its databases are to be.
    """

    def __init__(self, root: Path, state: Path) -> None:
        self._place = Place("bench", root, state)
        self._tree = LocalTree(self._place)
        self._is_read = False

    def close(self) -> None:
        """Let go of it."""
        self._tree.close()

    def rescan(self, _: int) -> float:
        """The time for all of it."""
        self._read()
        began = time.perf_counter()
        self._tree.scan()
        return time.perf_counter() - began

    def bytes(self, amount: int) -> float:
        """The size of its databases, by files."""
        self._read()
        files = self._place.state.glob("*.db*")
        return sum(file.stat().st_size for file in files) / amount

    def _read(self) -> None:
        if not self._is_read:
            self._tree.scan()
            self._is_read = True


def make(root: Path, amount: int) -> None:
    """Make so many files."""
    for number in range(amount):
        folder = root / f"{number // _IN_FOLDER:04d}"
        if number % _IN_FOLDER == 0:
            folder.mkdir()
        (folder / f"{number}.txt").write_bytes(number.to_bytes(8))
    time.sleep(_SETTLED)


@contextmanager
def indexed(amount: int) -> Iterator[Indexed]:
    """One, in memory."""
    with folders() as (there, here):
        make(there, amount)
        copy = Indexed(there, here)
        try:
            yield copy
        finally:
            copy.close()


if __name__ == "__main__":
    with indexed(int(sys.argv[2])) as tree:
        serve(getattr(tree, sys.argv[1]))
