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

What is in one folder is compared with the index in `comparing`; where a file with several hard
links is seen to have changed, the folders of its other names are looked at as well. Devices,
sockets and pipes are listed. Symbolic links are entries of their own and never followed. Other file
systems in the tree are not entered; a bind mount of the same file system cannot be told from a
folder, and is.

Memory grows with the largest folder, not with the tree.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from types import TracebackType
from typing import Final, Protocol, Self

from simulacra.actors.data.entries import (
    ROOT,
    Path,
    join,
    parent,
)
from simulacra.actors.data.git.repository import looks_bare
from simulacra.actors.data.scanning.attributes import Descent
from simulacra.actors.data.scanning.comparing import Comparing, Visit
from simulacra.actors.data.scanning.ignore_files import IgnoreFiles, patterns_in
from simulacra.actors.data.scanning.ignoring import EVERYTHING, IGNORE_FILE, Choice, Rules
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.looking import (
    Digest,
    Looker,
    NotReadError,
    Reason,
    file_time,
    not_read,
)
from simulacra.actors.data.scanning.observations import Observation, Totals
from simulacra.actors.data.scanning.roots import open_root
from simulacra.actors.data.scanning.settling import Settling

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
        self._visitor = visitor
        self._meet = meet
        is_first = index.is_empty()  # which may fail, while nothing is open yet
        self._root = open_root(root, index)
        self._device = os.fstat(self._root).st_dev
        self._descent = Descent(self._root)
        self._ignore_files = IgnoreFiles(self._descent, choice)
        self._comparing = Comparing(
            index,
            Looker(digest, now),
            choice,
            self._device,
            self._tell_of,
            is_first=is_first,
        )

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
        self._comparing.is_whole = folders is None
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
        settling = Settling(self._index, self._descent, self._choice, self._comparing.read)
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
                yield self._comparing.held_folder(task.folder, error)
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
            yield from self._comparing.compare(visit)
        except OSError as error:  # what was not listed may be there
            yield visit.said
            yield self._comparing.held_folder(task.folder, not_read(error))
            return
        yield visit.said
        self.totals.unchanged += visit.unchanged
        visit.doubts |= dict.fromkeys(visit.known, False)
        self._index.doubts.keep(visit.folder, visit.doubts)
        for each in visit.doubts:
            self._comparing.note_gone(visit, join(visit.folder, each))
        waiting += [_Task(each) for each in sorted(visit.twins, reverse=True)]
        every = visit.deep or IGNORE_FILE in visit.doubts
        below = [each for each, deep in sorted(visit.below, reverse=True) if deep or every]
        waiting += [_Task(join(visit.folder, each), visit.rules) for each in below]

    def _enter(self, task: _Task) -> Visit | None:
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
        return Visit(
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

    def _tell_of(self, visit: Visit) -> None:
        if self._meet is not None:
            self._meet(visit.folder, visit.descriptor, bare=visit.bare)
