"""How far a copy of a tree is, for who waits until it is in step.

What is missing is counted where the copy keeps its records, while its own actor works.
"""

from __future__ import annotations

import time
from typing import Any, Final

from simulacra.actors.data.trees import outlook
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.place import Place
from simulacra.actors.units import show_size

_SHOW_EVERY: Final = 0.5
_COUNT_SHARE: Final = 10
"""Counting what is missing takes at most one part in so many of the time."""


class Progress:
    """How far a copy of a tree is, counted now and then.

    Args:
        tree: what of it is to be here.
        place: where the copy is.
    """

    def __init__(self, tree: Definition, place: Place) -> None:
        self._tree = tree
        self._place = place
        self._began = self._shown_at = time.monotonic()
        self._next_count = self._began
        self._first: int | None = None
        self._missing = outlook.Missing()

    def is_due(self) -> bool:
        """Whether to say something again."""
        return time.monotonic() - self._shown_at >= _SHOW_EVERY

    def item(self, verdict: str, why: str) -> dict[str, Any]:
        """What to say."""
        now = self._shown_at = time.monotonic()
        if now >= self._next_count and self._tree.is_complete:
            self._count()
        return {
            "progress": {
                "tree": self._tree.name,
                "verdict": verdict,
                "why": why,
                "files": self._missing.files,
                "size": self._missing.size,
                "seconds_left": self._left(now - self._began),
            }
        }

    def to_come(self) -> str:
        """What has not come yet, as far as it was counted; empty for nothing."""
        if not self._missing.files:
            return ""
        files = "1 file" if self._missing.files == 1 else f"{self._missing.files} files"
        return f"{files}, {show_size(self._missing.size)}, had not come in time"

    def _count(self) -> None:
        began = time.monotonic()
        try:
            self._missing = outlook.missing(self._place)
        except MissingError:
            return  # the next time
        if self._first is None or self._missing.files > self._first:
            self._first, self._began = self._missing.files, began
        took = time.monotonic() - began
        self._next_count = time.monotonic() + _COUNT_SHARE * took

    def _left(self, elapsed: float) -> float | None:
        done = (self._first or 0) - self._missing.files
        return elapsed * self._missing.files / done if done > 0 else None
