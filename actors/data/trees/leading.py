"""Whether this host is the main store of a tree now, and may merge what was changed in it."""

from __future__ import annotations

import threading

from simulacra.actors.cluster.directory_view import DirectoryView
from simulacra.actors.data.trees.handing_over import Seat


class Leading:
    """See the module; any thread may ask.

    Args:
        host: this host's name.
        view: the directory.
    """

    def __init__(self, host: str, view: DirectoryView) -> None:
        self._host = host
        self._view = view
        self._lock = threading.Lock()
        self._frozen: frozenset[str] = frozenset()

    def __call__(self, tree: str) -> bool:
        """Whether it is, by a tree's id."""
        if tree in self._frozen:
            return False
        seat = self.seat(tree)
        return seat is not None and seat.host == self._host and not seat.handed

    def seat(self, tree: str) -> Seat | None:
        """Who is the main store of a tree; None if there is no such tree."""
        facts = self._view.find("tree", subject=tree)
        best = max(facts, key=lambda fact: fact.rank, default=None)
        return None if best is None else Seat.of(best.epoch, best.value)

    def freeze(self, tree: str, *, frozen: bool) -> None:
        """Merge nothing of a tree, or do again."""
        with self._lock:
            self._frozen = self._frozen | {tree} if frozen else self._frozen - {tree}
