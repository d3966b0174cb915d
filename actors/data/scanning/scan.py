"""Finding what changed in a tree since it was last looked at, folder by folder.

A scan goes through the whole tree, or through some folders. It compares what `stat` says with the
index, reads only what differs, and yields an `Observation` for each folder. It changes no row of
the index: whoever takes an observation notes it, has it recorded (`observations.record`), and then
asks for the next; so a crash in between loses nothing.

*What is there comes first* (`Scan.present`), *what is gone last* (`Scan.gone`). So a file that was
moved is met at its new path while the index still has the old one, and its bytes need not be read
if only a folder above it was moved; and between the two one may ask how much is gone
(`Scan.doubted`), and stop before anything is deleted anywhere. Before a name is said to be gone it
is looked for once more.

*Not seen is not gone.* What is unreadable, changing, or under another file system's mount is left
as it was, with all below it, and listed as skipped. What is ignored is forgotten, not gone.
What this host's choice leaves out is looked at while it is known here, until it was taken away.

*Git's own is not the tree's.* What is called ``.git``, a folder or a file, and all that is in a
bare repository is not looked at, and not listed as skipped: git carries it (see `data.git`). Nor
are our own temporary files, and the quarantine. Each repository that is met is told of (`Meet`),
but for one whose ``.git`` is ignored.

Each name of a file with several hard links is a file of its own; where one is seen to have changed,
the folders of the others are looked at as well. Devices, sockets and pipes are listed. Symbolic
links are entries of their own and never followed. Other file systems in the tree are not entered; a
bind mount of the same file system cannot be told from a folder, and is.

Memory grows with the largest folder, not with the tree.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from types import TracebackType
from typing import Final, Protocol, Self

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
from simulacra.actors.data.git.repository import looks_bare
from simulacra.actors.data.scanning.attributes import Descent, kind
from simulacra.actors.data.scanning.ignore_files import IgnoreFiles, patterns_in
from simulacra.actors.data.scanning.ignoring import EVERYTHING, IGNORE_FILE, Choice, Rules
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.index_database import BATCH
from simulacra.actors.data.scanning.looking import (
    SPECIAL,
    Digest,
    Looker,
    NotReadError,
    Reason,
    file_time,
    not_read,
)
from simulacra.actors.data.scanning.observations import Found, Observation, Skipped, Totals
from simulacra.actors.data.scanning.roots import open_root
from simulacra.actors.data.scanning.rows import UNKNOWN, Row, packed
from simulacra.actors.data.scanning.settling import Settling

_ENCODING: Final = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_NOTHING: Final = b""

Visitor = Callable[[Path, int], None]
"""Told of each folder, with its descriptor, before it is listed: the place to begin to watch it."""


class Meet(Protocol):
    """Told of each git repository."""

    def __call__(self, path: Path, descriptor: int, *, bare: bool) -> None:
        """Take it in.

        Args:
            path: of the folder that has ``.git``, or is a bare one.
            descriptor: of that.
            bare: which of the two.
        """


@dataclass(frozen=True, slots=True)
class _Task:
    """A folder to look at, with all below it; without rules, itself alone and what is new below."""

    folder: Path
    rules: Rules | None = None


@dataclass(slots=True)
class _Visit:
    """A folder while it is looked at.

    Attributes:
        said: of it, and not yielded yet.
        known: the names in the index that were not met yet.
        doubts: names in the index that are not there, or ignored (True).
        below: the folders in it, and whether all below them is to be looked at in any case.
        deep: whether all below all of them is.
        bare: whether it is a bare repository, of which nothing is the tree's.
        twins: folders with other names of files that changed here.
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


class Scan:
    """One scan of a tree; a context manager, used by one thread.

    Args:
        root: the tree's root.
        index: of this tree.
        digest: names a file's bytes.
        choice: what this host wants of the tree.
        now: the time, nanoseconds since the epoch; see `file_time`.
        visitor: told of each folder.
        meet: told of each git repository.

    Attributes:
        totals: what it has met until now.

    Raises:
        RootError: the root is not what it was; nothing is said of the tree.
    """

    def __init__(
        self,
        root: FilePath,
        index: Index,
        digest: Digest,
        *,
        choice: Choice = EVERYTHING,
        now: Callable[[], int] = file_time,
        visitor: Visitor | None = None,
        meet: Meet | None = None,
    ) -> None:
        self.totals: Final = Totals()
        self._index = index
        self._choice = choice
        self._looker = Looker(digest, now)
        self._visitor = visitor
        self._meet = meet
        self._root = open_root(root, index)
        self._device = os.fstat(self._root).st_dev
        self._descent = Descent(self._root)
        self._ignore_files = IgnoreFiles(self._descent, choice)
        self._is_first = index.is_empty()
        self._is_whole = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._descent.close()
        os.close(self._root)

    def present(self, folders: Iterable[Path] | None = None) -> Iterator[Observation]:
        """Look at what is there.

        Args:
            folders: only these, and what is below new ones; None is the whole tree. For one that is
                not there any more the nearest one above it is looked at.

        Raises:
            IndexDamagedError, IndexUnusableError: see there.
        """
        self._index.doubts.forget()
        waiting = [_Task(ROOT, Rules(self._choice))]
        self._is_whole = folders is None
        if folders is not None:
            waiting = [_Task(folder) for folder in sorted(set(folders), reverse=True)]
        alone: set[Path] = set()
        while waiting:
            task = waiting.pop()
            if task.rules is None:
                if task.folder in alone:
                    continue
                alone.add(task.folder)
            yield from self._counted(self._look_at(task, waiting))

    def doubted(self) -> int:
        """Of how many paths `gone` is going to say that they are gone, at most."""
        return self._index.doubts.count()

    def gone(self) -> Iterator[Observation]:
        """After `present` is through: what was not there, and what is ignored now.

        Raises:
            IndexDamagedError, IndexUnusableError: see there.
        """
        settling = Settling(self._index, self._descent, self._choice, self._found)
        yield from self._counted(settling.all())

    def _counted(self, observations: Iterable[Observation]) -> Iterator[Observation]:
        for observation in observations:
            if not observation.is_empty:
                self.totals.add(observation)
                yield observation

    # -- what is there

    def _look_at(self, task: _Task, waiting: list[_Task]) -> Iterator[Observation]:
        try:
            visit = self._enter(task)
        except NotReadError as error:
            if error.reason is Reason.CHANGING and task.rules is None:
                waiting.append(_Task(parent(task.folder)))
            else:
                yield self._held_folder(task.folder, error)
            return
        if visit is None:
            return
        self.totals.folders += 1
        if visit.bare:
            visit.doubts |= dict.fromkeys(visit.known, True)
            self._index.doubts.keep(visit.folder, visit.doubts)
            self._tell_of(visit)
            return
        try:
            yield from self._list(visit)
        except OSError as error:  # what was not listed may be there
            yield visit.said
            yield self._held_folder(task.folder, not_read(error))
            return
        yield visit.said
        visit.doubts |= dict.fromkeys(visit.known, False)
        self._index.doubts.keep(visit.folder, visit.doubts)
        for each in visit.doubts:
            self._note_gone(visit, join(visit.folder, each))
        waiting += [_Task(each) for each in sorted(visit.twins, reverse=True)]
        every = visit.deep or IGNORE_FILE in visit.doubts
        below = [each for each, deep in sorted(visit.below, reverse=True) if deep or every]
        waiting += [_Task(join(visit.folder, each), visit.rules) for each in below]

    def _enter(self, task: _Task) -> _Visit | None:
        """Begin with a folder; None if it is ignored. Raises NotReadError."""
        rules = self._rules_of(task.folder) if task.rules is None else task.rules
        if rules is None:
            return None
        try:
            descriptor = self._descent.open(task.folder)
        except OSError as error:
            raise not_read(error) from error
        if os.fstat(descriptor).st_dev != self._device:
            raise NotReadError(Reason.OTHER_FILE_SYSTEM)
        if self._visitor is not None:
            self._visitor(task.folder, descriptor)
        patterns = patterns_in(descriptor)
        said = Observation(task.folder, mistakes=patterns.mistakes if patterns else ())
        return _Visit(
            task.folder,
            descriptor,
            rules.below(task.folder, patterns) if patterns else rules,
            said,
            self._index.fingerprints(task.folder),
            deep=task.rules is not None,
            bare=looks_bare(descriptor),
        )

    def _rules_of(self, folder: Path) -> Rules | None:
        row = self._index.row(folder)
        if folder and (row is None or not row.is_folder):
            raise NotReadError(Reason.CHANGING)  # the folder above has to tell of it first
        return self._ignore_files.rules_above(folder)

    def _list(self, visit: _Visit) -> Iterator[Observation]:
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
                self._compare(visit, each, status, is_known)
                if len(visit.said.found) + len(visit.said.refreshed) >= BATCH:
                    yield visit.said
                    visit.said = Observation(visit.folder)
        self.totals.unchanged += unchanged

    def _pass_git(self, visit: _Visit) -> None:
        if known := visit.known.keys() & {GIT}:
            visit.doubts |= dict.fromkeys(known, True)
            visit.known.pop(GIT)
        if not visit.rules.ignores(join(visit.folder, GIT), folder=True):
            self._tell_of(visit)

    def _tell_of(self, visit: _Visit) -> None:
        if self._meet is not None:
            self._meet(visit.folder, visit.descriptor, bare=visit.bare)

    def _is_wanted(
        self, visit: _Visit, each: bytes, status: os.stat_result, is_known: bool
    ) -> bool:
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

    def _compare(self, visit: _Visit, each: bytes, status: os.stat_result, is_known: bool) -> None:
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
            found = self._found(visit.descriptor, path, status, before)
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

    def _note_twins(self, visit: _Visit, row: Row | None) -> None:
        """Have the other names of a file looked at: who writes by one name changes all of them."""
        if self._is_whole or row is None or row.entry.content.kind is not Kind.FILE:
            return
        found = row.fingerprint
        twins = self._index.at_inode(found.device, found.inode)
        visit.twins |= {parent(path) for path in twins} - {visit.folder}

    def _note_gone(self, visit: _Visit, path: Path) -> None:
        """As `_note_twins`, with what may have been written to before it went."""
        if not self._is_whole:
            self._note_twins(visit, self._index.row(path))
            visit.twins |= self._index.linked_below(path)

    def _found(
        self, descriptor: int, path: Path, status: os.stat_result, before: Row | None
    ) -> Found:
        if status.st_dev != self._device:
            raise NotReadError(Reason.OTHER_FILE_SYSTEM)
        twins = {}
        if before is None and not self._is_first:
            twins = self._index.at_inode(status.st_dev, status.st_ino)
        row = self._looker.look(name(path), descriptor, status, twins.values())
        return Found(row, before, tuple(twins))

    def _hold(self, visit: _Visit, each: bytes, error: NotReadError) -> None:
        visit.said.skipped[each] = Skipped(error.reason, error.detail)
        visit.said.refreshed.update(self._to_be_entered(join(visit.folder, each)))

    def _held_folder(self, folder: Path, error: NotReadError) -> Observation:
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
