"""The git repositories in one tree that are on this host: what is in them, for other hosts to ask.

The scan of the tree meets them (`RepositoriesHere.look`). A *token* stands for all that is in one:
who knows it need not ask again. What cannot be exchanged now is left as it is, with the reason.

One thread looks; `tell` and `pack` are for any thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import IO, Final

from blake3 import blake3

from simulacra.actors.data.entries import GIT, Path, join
from simulacra.actors.data.git import state as git_state
from simulacra.actors.data.git import sync
from simulacra.actors.data.git.repository import Held, Repository, find, is_bare
from simulacra.actors.data.git.stamps import Stamp, stamp
from simulacra.actors.data.git.state import State
from simulacra.actors.data.trees.place import Place
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


class RepositoriesHere:
    """See the module.

    Args:
        place: where the tree is.
        wanted: whether the repository whose ``.git`` has this path is to be here.
        now: nanoseconds since the epoch.
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
        self._held: dict[Path, str] = {}
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
            there = is_there(self._path(path))
            if there is None or not (there or is_same):
                continue
            if not there:
                ended.append(path)
            elif not self._wanted(join(path, GIT)) or (whole and path not in met):
                self._forget(path)  # Ignored since: not deleted.
            else:
                self._describe(path)
        for path in ended:
            if path in self._table.here:
                self._table.end(path)
            self._forget(path)
        self._show()

    def _forget(self, path: Path) -> None:
        self._table.here.pop(path, None)
        self._seen.pop(path, None)
        self._held.pop(path, None)
        self._conflicts.pop(path, None)
        self._stale.discard(path)

    def _describe(self, path: Path) -> Repository | None:
        """Look at one; None if not even that can be done."""
        try:
            repository = find(self._root, self._path(path))
            mark = stamp(repository.folder, self._now())
            found = repository.folder.stat()
        except (Held, OSError) as error:
            self._seen.pop(path, None)
            self._table.here.setdefault(path, _NOT_SEEN)
            self._held[path] = str(error)
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
        self._held.pop(path, None)
        if state.held:
            self._held[path] = state.held
        self._conflicts[path] = listed(path, repository, state)

    def _show(self) -> None:
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
    def here(self) -> frozenset[Path]:
        """Where there are some."""
        return frozenset(self._table.here)

    def conflicts(self) -> list[Conflict]:
        """What is kept beside what is in its place, on all hosts alike."""
        return [each for _, found in sorted(self._conflicts.items()) for each in found]

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


def is_there(place: FilePath) -> bool | None:
    """Whether a repository is at a place; None if that cannot be seen."""
    try:
        (place / ".git").lstat()
    except (FileNotFoundError, NotADirectoryError):
        try:
            return is_bare(place)
        except OSError:
            return None
    except OSError:
        return None
    return True
