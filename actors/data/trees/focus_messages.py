"""What is said of moving a tree's main store: what the gateway asks of a host, and it of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulacra.actors.runtime.wire_types import register


@register("tree.move")
@dataclass(frozen=True, slots=True)
class MoveTree:
    """To a main store: hand a tree over. Answered when it is, or is not: then says why not."""

    tree: str
    host: str
    why: str


@register("tree.take")
@dataclass(frozen=True, slots=True)
class TakeTree:
    """To a host that has a copy: be the main store, as the old one is lost. Answered alike."""

    tree: str
    why: str


@register("tree.prepare")
@dataclass(frozen=True, slots=True)
class Prepare:
    """How much of a tree does your disk show? Answered by a `Prepared`."""

    tree: str
    epoch: tuple[int, str]
    asker: str


@register("tree.prepared")
@dataclass(frozen=True, slots=True)
class Prepared:
    """How much of a tree a disk shows.

    Attributes:
        tree: which.
        epoch: as in the question.
        host: whose disk.
        shows: all of this, as `packing.pack_context` has it.
        problem: why it cannot be the main store; empty if it can.
    """

    tree: str
    epoch: tuple[int, str]
    host: str
    shows: list[Any]
    problem: str
