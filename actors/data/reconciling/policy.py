"""What of a tree is to be on this disk: as far as this host wants it, and its file system can.

What is not *wanted* here (partial followers) is known and not on disk. Names that differ only in
case or in Unicode form exclude each other where the file system folds them: the one that was there
first has the place and the other is *held back*.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from simulacra.actors.data.entries import Entry, Path, join
from simulacra.actors.data.reconciling.index import Index, Row
from simulacra.actors.data.reconciling.on_disk import path_of
from simulacra.actors.data.reconciling.projecting import Listing, Listings
from simulacra.actors.data.reconciling.records import FileId


def _everything(_path: Path, _entry: Entry) -> bool:
    return True


def _unknown(_path: Path, _names: Collection[bytes]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Policy:
    """What of a tree is to be on this disk.

    Attributes:
        wanted: whether a path with this entry is. It must be while this host has the only copy.
        wants_all: whether all of a folder is, by its path and its names; False if nobody can say
            without asking of each.
        folds: whether the file system takes names for one that differ in case or Unicode form.
        modes: whether it keeps permission bits.
    """

    wanted: Callable[[Path, Entry], bool] = _everything
    wants_all: Callable[[Path, Collection[bytes]], bool] = _unknown
    folds: bool = False
    modes: bool = True


ALL = Policy()


@dataclass(frozen=True, slots=True)
class Held:
    """Something that is known and wanted, and cannot be here.

    Attributes:
        path: where it should be.
        row: what.
        reason: why it is not.
    """

    path: Path
    row: Row
    reason: str


def wanted(path: Path, names: Listing, policy: Policy) -> tuple[Listing, list[Held]]:
    """What of a folder's listing is to be on this disk, and what of that is held back."""
    chosen = names
    if policy.wanted is not _everything and not policy.wants_all(path, names):
        chosen = {at: row for at, row in names.items() if policy.wanted(join(path, at), row.entry)}
    if not policy.folds:
        return chosen, []
    first: Listing = {}
    held: list[Held] = []
    taken: dict[str, bytes] = {}
    for at in sorted(chosen, key=lambda at: (chosen[at].copy is not None, chosen[at].id)):
        other = taken.setdefault(fold(at), at)
        if other == at:
            first[at] = chosen[at]
        else:
            shown = other.decode("utf-8", "replace")
            reason = f"this file system takes its name for that of {shown!r}: rename one of them"
            held.append(Held(join(path, at), chosen[at], reason))
    return first, held


def fold(name: bytes) -> str:
    """A name as a file system has it that minds neither case nor Unicode form."""
    text = name.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def held_back(
    dirty: Iterable[FileId], index: Index, policy: Policy, listings: Listings
) -> Iterator[Held]:
    """What of some folders cannot be on this disk."""
    for folder in dirty if policy.folds else ():
        path = path_of(folder, index)
        if path is not None:
            yield from wanted(path, listings.of(folder), policy)[1]


def in_order(should: Listing) -> list[tuple[bytes, Row]]:
    """What should be in a folder, conflict copies first."""
    return sorted(should.items(), key=lambda each: each[1].copy is None)
