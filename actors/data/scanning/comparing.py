"""One folder against the index: what `stat` says of each name, and what is read because of that.

A name whose fingerprint is as before is looked at no further, and is not even told of. Any other is
compared with its row; only then is a file read (`looking`). Names that have rows and were not met,
or are ignored now, are doubts: what became of them is said at the end of the scan (`settling`).

Each name of a file with several hard links, its *twins*, is a file of its own: who writes by one
name changes all of them. So when not the whole tree is looked at, the folders of the twins of what
changed, or went, are to be looked at as well.

What cannot be read is *held*: nothing is said of it, and a folder is looked at wholly once it can
be entered.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from simulacra.actors.data.entries import (
    GIT,
    OWN_FOLDERS,
    ROOT,
    TEMPORARY,
    Kind,
    Path,
    join,
    name,
    parent,
)
from simulacra.actors.data.scanning.attributes import kind
from simulacra.actors.data.scanning.ignoring import IGNORE_FILE, Choice, Rules
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.index_database import BATCH
from simulacra.actors.data.scanning.looking import SPECIAL, Looker, NotReadError, Reason, not_read
from simulacra.actors.data.scanning.observations import Found, Observation, Skipped
from simulacra.actors.data.scanning.rows import UNKNOWN, Row, packed

_ENCODING: Final = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_NOTHING: Final = b""


@dataclass(slots=True)
class Visit:
    """A folder while it is looked at.

    Attributes:
        said: of it, and not yielded yet.
        known: the names in the index that were not met yet.
        doubts: names in the index that are not there, or ignored (True).
        below: the folders in it, and whether all below them is to be looked at in any case.
        deep: whether all below all of them is.
        bare: whether it is a bare repository, of which nothing is the tree's.
        twins: folders with other names of files that changed here.
        unchanged: how many names were as before.
    """

    folder: Path
    descriptor: int
    rules: Rules
    said: Observation
    known: dict[bytes, bytes | None]
    deep: bool
    bare: bool = False
    doubts: dict[bytes, bool] = field(default_factory=dict)
    below: list[tuple[bytes, bool]] = field(default_factory=list)
    twins: set[Path] = field(default_factory=set)
    unchanged: int = 0


class Comparing:
    """Compares folders of one tree with the index.

    Args:
        index: of this tree.
        looker: reads what is new or not as before.
        choice: what this host wants of the tree.
        device: the file system of the tree's root.
        meet: told of a folder that has ``.git``.
        is_first: whether the index knew nothing when the scan began.

    Attributes:
        is_whole: whether all of the tree is looked at, and twins thus are in any case.
    """

    def __init__(
        self,
        index: Index,
        looker: Looker,
        choice: Choice,
        device: int,
        meet: Callable[[Visit], None],
        *,
        is_first: bool,
    ) -> None:
        self.is_whole = True
        self._index = index
        self._looker = looker
        self._choice = choice
        self._device = device
        self._meet = meet
        self._is_first = is_first

    def compare(self, visit: Visit) -> Iterator[Observation]:
        """Compare what is listed with what is known, and leave there what was not listed."""
        known, below = visit.known, visit.below
        none_ignored = visit.rules.are_none
        unchanged = 0
        with os.scandir(visit.descriptor) as entries:
            for listed in entries:
                each = listed.name.encode(*_ENCODING)
                if each.startswith(TEMPORARY) or (each in OWN_FOLDERS and visit.folder == ROOT):
                    continue
                if each == GIT:
                    self._pass_git(visit)
                    continue
                before = known.pop(each, _NOTHING)
                is_known = before is not _NOTHING
                try:
                    status = listed.stat(follow_symlinks=False)
                except FileNotFoundError:
                    visit.doubts |= {each: False} if is_known else {}
                    continue
                except OSError as error:
                    self._hold(visit, each, not_read(error))
                    continue
                if not (none_ignored or self._is_wanted(visit, each, status, is_known)):
                    continue
                if before == packed(status):
                    unchanged += 1
                    if stat.S_ISDIR(status.st_mode):
                        below.append((each, False))
                    continue
                self._compare_one(visit, each, status, is_known)
                if len(visit.said.found) + len(visit.said.refreshed) >= BATCH:
                    yield visit.said
                    visit.said = Observation(visit.folder)
        visit.unchanged = unchanged

    def _pass_git(self, visit: Visit) -> None:
        if known := visit.known.keys() & {GIT}:
            visit.doubts |= dict.fromkeys(known, True)
            visit.known.pop(GIT)
        if not visit.rules.ignores(join(visit.folder, GIT), folder=True):
            self._meet(visit)

    def _is_wanted(self, visit: Visit, each: bytes, status: os.stat_result, is_known: bool) -> bool:
        folder = stat.S_ISDIR(status.st_mode)
        if visit.rules.ignores(join(visit.folder, each), folder=folder, chosen=is_known):
            visit.doubts |= {each: True} if is_known else {}
            return False
        largest = self._choice.largest
        if is_known or largest is None:
            return True
        if stat.S_ISREG(status.st_mode) and status.st_size > largest:
            visit.said.skipped[each] = Skipped(Reason.TOO_LARGE)
            return False
        return True

    def _compare_one(
        self, visit: Visit, each: bytes, status: os.stat_result, is_known: bool
    ) -> None:
        what, path = kind(status.st_mode), join(visit.folder, each)
        if what is None:
            reason = SPECIAL.get(stat.S_IFMT(status.st_mode), Reason.DEVICE)
            visit.said.skipped[each] = Skipped(reason)
            visit.doubts |= {each: False} if is_known else {}
            return
        before = self._index.row(path) if is_known else None
        if what is not Kind.FOLDER and before is not None and before.is_folder:
            visit.doubts[each] = False  # what was in it goes first
            return
        try:
            found = self.read(visit.descriptor, path, status, before)
        except NotReadError as error:
            self._hold(visit, each, error)
            return
        visit.said.say(each, found)
        self._note_twins(visit, before)
        if status.st_nlink > 1:
            self._note_twins(visit, found.row)
        if what is Kind.FOLDER:
            visit.below.append((each, not _is_same_folder(before, found.row)))
        if each == IGNORE_FILE and found.row.entry != (before and before.entry):
            visit.deep = True

    def _note_twins(self, visit: Visit, row: Row | None) -> None:
        """Have the other names of a file looked at: who writes by one name changes all of them."""
        if self.is_whole or row is None or row.entry.content.kind is not Kind.FILE:
            return
        found = row.fingerprint
        twins = self._index.at_inode(found.device, found.inode)
        visit.twins |= {parent(path) for path in twins} - {visit.folder}

    def note_gone(self, visit: Visit, path: Path) -> None:
        """As `_note_twins`, with what may have been written to before it went."""
        if not self.is_whole:
            self._note_twins(visit, self._index.row(path))
            visit.twins |= self._index.linked_below(path)

    def read(
        self, descriptor: int, path: Path, status: os.stat_result, before: Row | None
    ) -> Found:
        """What is at a path that is new or not as before. Raises NotReadError."""
        if status.st_dev != self._device:
            raise NotReadError(Reason.OTHER_FILE_SYSTEM)
        twins = {}
        if before is None and not self._is_first:
            twins = self._index.at_inode(status.st_dev, status.st_ino)
        row = self._looker.look(name(path), descriptor, status, twins.values())
        return Found(row, before, tuple(twins))

    def _hold(self, visit: Visit, each: bytes, error: NotReadError) -> None:
        visit.said.skipped[each] = Skipped(error.reason, error.detail)
        visit.said.refreshed.update(self._to_be_entered(join(visit.folder, each)))

    def held_folder(self, folder: Path, error: NotReadError) -> Observation:
        """Say that a folder could not be looked at."""
        said = Observation(parent(folder), refreshed=self._to_be_entered(folder))
        said.skipped[name(folder)] = Skipped(error.reason, error.detail)
        return said

    def _to_be_entered(self, path: Path) -> dict[bytes, Row]:
        """Have a folder that could not be entered looked at wholly as soon as it can be."""
        row = self._index.row(path)
        if row is None or not row.is_folder or row.fingerprint == UNKNOWN:
            return {}
        return {name(path): Row(UNKNOWN, row.entry, settled=False)}


def _is_same_folder(before: Row | None, now: Row) -> bool:
    if before is None or not before.is_folder:
        return False
    one, other = before.fingerprint, now.fingerprint
    return (one.device, one.inode) == (other.device, other.inode)
