"""What a tree's worker is told, besides hints and news: that a host was met, orders, and tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from simulacra.actors.data.scanning.watching import Hint
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.messages import News
from simulacra.actors.runtime.futures import Reply


@dataclass(frozen=True, slots=True)
class Met:
    """A host that has the tree was connected."""

    host: str


class Order(StrEnum):
    """What the user or the node orders."""

    RESCAN = "rescan"
    PAUSE = "pause"
    RESUME = "resume"
    SURE = "sure"
    ANYWAY = "anyway"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done with the tree in its thread, between two rounds.

    Attributes:
        run: does it; what it returns is the answer, and so is what it raises.
        reply: where the answer goes.
    """

    run: Callable[[LocalTree], Any]
    reply: Reply


Event = Hint | News | Met | Order | Task
