"""Merging what two replicas know of one record: commutative, associative, idempotent.

A version, or a dot that keeps the record alive, stays unless the other side's context covers it and
the other side has it no more; what a renaming saw stays as long as the renaming keeps the record
alive. Of everything else the latest counts. See `records`.
"""

from __future__ import annotations

from dataclasses import replace

from simulacra.actors.data.reconciling.dots import Dot, covers, join
from simulacra.actors.data.reconciling.records import Record, Version


def merge(mine: Record, theirs: Record) -> Record:
    """What both know together, of one id."""
    alive = _alive(mine, theirs) | _alive(theirs, mine)
    return replace(
        mine,
        location=max(mine.location, theirs.location),
        mode=max(mine.mode, theirs.mode),
        mtime=max(mine.mtime, theirs.mtime),
        xattrs=max(mine.xattrs, theirs.xattrs),
        versions=_versions(mine, theirs),
        alive=alive,
        context=join(mine.context, theirs.context),
        renamed=_renamed(mine, theirs, alive),
    )


def _versions(mine: Record, theirs: Record) -> tuple[Version, ...]:
    ours = {each.dot: each for each in mine.versions}
    others = {each.dot: each for each in theirs.versions}
    kept = {dot: each for dot, each in ours.items() if _stays(dot, others, theirs)}
    kept |= {dot: each for dot, each in others.items() if _stays(dot, ours, mine)}
    return tuple(sorted(kept.values(), key=lambda each: each.event))


def _renamed(mine: Record, theirs: Record, alive: frozenset[Dot]) -> tuple[Version, ...]:
    if not (mine.renamed or theirs.renamed):
        return ()
    known = {each.dot: each for each in (*mine.renamed, *theirs.renamed) if each.dot in alive}
    return tuple(sorted(known.values(), key=lambda each: each.event))


def _alive(mine: Record, theirs: Record) -> frozenset[Dot]:
    return frozenset(dot for dot in mine.alive if _stays(dot, theirs.alive, theirs))


def _stays(dot: Dot, others: object, theirs: Record) -> bool:
    return dot in others or not covers(theirs.context, dot)  # type: ignore[operator]
