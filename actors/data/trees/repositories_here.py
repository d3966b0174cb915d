"""The git repositories in one tree that are on this host: what is in them, and how it is changed.

The scan of the tree meets them (`RepositoriesHere.look`). A *token* stands for all that is in one:
who knows it need not ask again. What cannot be exchanged now is left as it is, with the reason.

One thread looks and changes; `tell` and `pack` are for any thread.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import IO, Final

from blake3 import blake3

from simulacra.actors.cluster.lattice import Context
from simulacra.actors.data.entries import GIT, Path, join
from simulacra.actors.data.git import state as git_state
from simulacra.actors.data.git import sync
from simulacra.actors.data.git.creating import create, lead
from simulacra.actors.data.git.repository import Held, Repository, find, is_repository
from simulacra.actors.data.git.stamps import Stamp, stamp
from simulacra.actors.data.git.state import State
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.repository_aside import set_aside
from simulacra.actors.data.trees.repository_conflicts import Conflict, listed
from simulacra.actors.data.trees.repository_messages import ToldRepositories
from simulacra.actors.data.trees.repository_table import Known, Table

MOST_TOLD: Final = 4 << 20
"""Bytes of states in one answer; who has not got all asks for the others."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A repository as it was looked at last."""

    stamp: Stamp
    state: State
    token: bytes
    packed: bytes


_NOT_SEEN: Final = Known((0, 0), {})
"""A repository into which nobody has looked yet: if it is deleted nothing is known to be."""


class TooSoonError(Exception):
    """What a repository needs has not come yet; the text says what."""


class RepositoriesHere:
    """See the module.

    Args:
        place: where the tree is.
        wanted: whether the repository whose ``.git`` has this path is to be here.
        now: nanoseconds since the epoch.

    Attributes:
        held: why some are left as they are.
    """

    def __init__(
        self,
        place: Place,
        wanted: Callable[[Path], bool] = lambda _: True,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._place = place
        self._root = place.root.resolve()
        self._wanted = wanted
        self._now = now
        self._table = Table.load(place.repositories)
        self._seen: dict[Path, _Seen] = {}
        self._told = ToldRepositories(b"", {}, {}, {})
        self.held: dict[Path, str] = {}
        self._stale: set[Path] = set()
        self._conflicts: dict[Path, list[Conflict]] = {}

    def look(self, met: Collection[Path] = (), *, whole: bool = False) -> None:
        """See what is in them now.

        Args:
            met: the repositories that a scan met.
            whole: whether it was a scan of everything.

        Raises:
            OSError: the tree's root is not there, or the disk does not take what is to be kept.
        """
        status = self._root.stat()
        root = status.st_dev, status.st_ino
        is_same = self._table.root in {None, root}
        if not is_same and not whole:
            return  # The scan of everything says whether it is the tree at all.
        self._table.root = root
        ended = []
        for path in sorted({*self._table.here, *met}):
            there = self.is_there(path)
            if there is None or not (there or is_same):
                continue
            if not there:
                ended.append(path)
            elif not self.is_wanted(path) or (whole and path not in met):
                self._forget(path)  # Ignored since: not deleted.
            else:
                self.describe(path)
        for path in ended:
            if path in self._table.here:
                self._table.end(path)
            self._forget(path)
        self.show()

    def _forget(self, path: Path) -> None:
        self._table.here.pop(path, None)
        self._seen.pop(path, None)
        self.held.pop(path, None)
        self._conflicts.pop(path, None)
        self._stale.discard(path)

    def describe(self, path: Path) -> State | None:
        """What is in one now; None if not even that can be seen."""
        return None if self._describe(path) is None else self._seen[path].state

    def _describe(self, path: Path) -> Repository | None:
        try:
            repository = find(self._root, self._path(path))
            mark = stamp(repository.folder, self._now())
            found = repository.folder.stat()
        except (Held, OSError) as error:
            self._seen.pop(path, None)
            self._table.here.setdefault(path, _NOT_SEEN)
            self.held[path] = str(error)
            return None
        before = self._seen.get(path)
        identity = found.st_dev, found.st_ino
        same = path in self._table.here and self._table.here[path].identity == identity
        if before and same and before.stamp == mark and mark.settled and not before.state.held:
            return repository
        state = sync.describe(repository, self._place.host, self._now())
        self._note(path, repository, mark, state)
        self._table.here[path] = Known(identity, dict(state.history.context))
        return repository

    def _note(self, path: Path, repository: Repository, mark: Stamp, state: State) -> None:
        packed = git_state.pack(state.to_plain())
        self._seen[path] = _Seen(mark, state, blake3(packed).digest(length=16), packed)
        self.held.pop(path, None)
        if state.held:
            self.held[path] = state.held
        self._conflicts[path] = listed(path, repository, state)

    def show(self) -> None:
        """Have others told of what is here now, and remember it."""
        self._table.save()
        tokens = {path: seen.token for path, seen in sorted(self._seen.items())}
        gone = {path: dict(context) for path, context in sorted(self._table.gone.items())}
        digest = blake3(git_state.pack([sorted(tokens.items()), sorted(gone.items())]))
        states = {path: seen.packed for path, seen in self._seen.items()}
        self._told = ToldRepositories(digest.digest(length=16), tokens, states, gone)

    @property
    def digest(self) -> bytes:
        """The same as long as all of them are; empty before the first look."""
        return self._told.digest

    @property
    def paths(self) -> frozenset[Path]:
        """Where there are some."""
        return frozenset(self._table.here)

    def conflicts(self) -> list[Conflict]:
        """What is kept beside what is in its place, on all hosts alike."""
        return [each for _, found in sorted(self._conflicts.items()) for each in found]

    def is_there(self, path: Path) -> bool | None:
        """Whether one is at a path; None if that cannot be seen."""
        return is_repository(self._path(path))

    def is_wanted(self, path: Path) -> bool:
        """Whether one is to be at a path."""
        return self._wanted(join(path, GIT))

    def is_deleted(self, path: Path, context: Context) -> bool:
        """Whether one that knows no more than that was deleted here, or elsewhere."""
        return self._table.is_deleted(path, context)

    # -- what others have

    def bury(self, path: Path, context: Context) -> None:
        """One was deleted elsewhere that knew so much: set it aside here, unless it knows more."""
        self._table.bury(path, context)
        if path not in self._table.here or not self.is_there(path):
            return
        repository = self._describe(path)
        if repository is None or self._seen[path].state.held:
            return
        if self._table.is_deleted(path, self._seen[path].state.history.context):
            set_aside(self._root, repository, self._now())
            self._forget(path)

    def take(self, path: Path, theirs: State, packed: IO[bytes] | None) -> None:
        """Have in one what another host has in it.

        Args:
            path: of one that was described.
            theirs: what that is.
            packed: the objects that are not here; None for none.

        Raises:
            Held: it is left as it is, or not all of it could be taken.
        """
        repository = find(self._root, self._path(path))
        outcome = sync.take(repository, packed, theirs, self._place.host, self._now())
        self._seen.pop(path, None)
        self._describe(path)
        if outcome.held:
            raise Held(outcome.held)
        if outcome.changed:
            self._stale.add(path)

    def lead_to(self, path: Path, theirs: State) -> bool:
        """Have a path lead to the submodule that is in the repository above; whether it is there.

        Raises:
            TooSoonError: what it needs has not come yet.
            Held: it cannot be done now.
        """
        place = self._path(path)
        if not _is_folder(place):
            raise TooSoonError("it comes once its folder is here")
        folder = FilePath(os.path.normpath(place / theirs.folder))
        if folder == place / ".git" or theirs.bare:
            return False
        above = FilePath(str(folder).partition("/.git/")[0]) / ".git"
        if not (above / "HEAD").exists():
            raise TooSoonError("it comes once the repository is here that it is a submodule of")
        if not (folder / "HEAD").exists():
            return False
        lead(self._root, place, folder)
        return True

    def create(self, path: Path, theirs: State, packed: IO[bytes] | None) -> None:
        """Make one with what another host has in it, whole or not at all.

        Raises:
            Held: it cannot be done now.
        """
        create(self._root, self._path(path), packed, theirs, self._place.host)
        self._describe(path)
        self._stale.add(path)

    def refresh(self) -> None:
        """Have the indexes of those that were changed know the files that came since."""
        for path in sorted(self._stale):
            try:
                clean = sync.refresh(find(self._root, self._path(path)))
            except (Held, OSError):
                continue
            if clean:
                self._stale.discard(path)

    # -- what others ask

    def tell(self, known: dict[Path, bytes]) -> ToldRepositories:
        """What is in those that are not as known; from any thread."""
        told, states, size = self._told, {}, 0
        for path, token in told.tokens.items():
            if known.get(path) == token:
                continue
            states[path] = told.states[path]
            size += len(states[path])
            if size >= MOST_TOLD:
                break
        return ToldRepositories(told.digest, told.tokens, states, told.gone)

    def pack(
        self,
        path: Path,
        wanted: Sequence[str],
        have: Sequence[str],
        shallow: Sequence[str],
        out: IO[bytes],
    ) -> None:
        """Write a pack of objects; from any thread.

        Raises:
            Held: it cannot be made now.
            OSError: there is no such repository, or the disk does not take it.
        """
        repository = find(self._root, self._path(path))
        sync.pack(repository, wanted, have, out, shallow)

    def _path(self, path: Path) -> FilePath:
        return self._root / os.fsdecode(path)


def _is_folder(place: FilePath) -> bool:
    try:
        return stat.S_ISDIR(place.lstat().st_mode)
    except OSError:
        return False
