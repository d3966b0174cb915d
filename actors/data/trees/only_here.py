"""What of a tree no other host is known to have: asked before this host's copy is given up.

A host has what it has *acknowledged* (`acknowledging`): its disk shows it, whether it is in reach
now or not. Those hosts count that have all of the tree; where no other has, those with a part of
it, which have what they want of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from simulacra.actors.data.entries import Path
from simulacra.actors.data.reconciling.dots import Context
from simulacra.actors.data.reconciling.foretelling import path_of
from simulacra.actors.data.reconciling.records import FileId, Record
from simulacra.actors.runtime.wire_types import register

_NAMED: Final = 3


@register("tree.only_here")
@dataclass(frozen=True, slots=True)
class AskOnlyHere:
    """What does no other host have? Answered with `OnlyHere`.

    Attributes:
        named: whether to count it, and say what; that takes long in a large tree.
    """

    named: bool = False


@register("tree.said_only_here")
@dataclass(frozen=True, slots=True)
class OnlyHere:
    """What no other host is known to have.

    Attributes:
        others: the hosts that count.
        is_nothing: whether there is nothing; if it was not to be named, only where one of them is
            known to have all.
        count: how many files, folders, links and deletions there are.
        paths: where the first of them are.
        scans: how often all of the tree had been looked at, as in `Standing`; 0 if it is to be
            looked at again first, and this says nothing.
    """

    others: list[str] = field(default_factory=list)
    is_nothing: bool = False
    count: int = 0
    paths: list[bytes] = field(default_factory=list)
    scans: int = 0


def counting(here: str, complete: Iterable[str], members: Iterable[str]) -> list[str]:
    """The hosts that count.

    Args:
        here: this host.
        complete: those that have all of the tree.
        members: those that have a copy.
    """
    return [host for host in complete if host != here] or [host for host in members if host != here]


def find(
    others: Sequence[str],
    lacking: Callable[[Context], Collection[str]],
    vector: Context,
    records: Iterable[Record] | None,
    lookup: Callable[[FileId], Record | None],
) -> OnlyHere:
    """What none of these hosts is known to have.

    Args:
        others: the hosts that count.
        lacking: those of them that are not known to have what is in a context.
        vector: all that is known here.
        records: of all that is known here; None where it is not to be named.
        lookup: a record by its id.
    """

    def is_elsewhere(context: Context) -> bool:
        return len(lacking(context)) < len(others)

    if records is None or is_elsewhere(vector):
        return OnlyHere(list(others), is_nothing=is_elsewhere(vector))
    alone = (record for record in records if not is_elsewhere(record.context))
    paths: list[Path] = [path_of(record, lookup) for record in islice(alone, _NAMED)]
    count = len(paths) + sum(1 for _ in alone)
    return OnlyHere(list(others), not count, count, paths)
