"""The git repositories in one tree, as this host has them: what is in them travels by git.

What is in those that are here is asked for by other hosts (`repositories_here`), and theirs is
taken in (`hear`). What cannot be exchanged now is left as it is (`reasons` says why).

| there | here | what is done |
| --- | --- | --- |
| a repository | one | each takes from the other what it lacks (`git.sync`) |
| a repository | none, and its folder is here | it is made, whole or not at all (`git.creating`) |
| a repository | none, nor its folder | nothing yet: the tree brings the folder |
| deleted | one that knows no more | it is set aside in the tree's quarantine, for `KEPT_NS` |
| deleted | one that went on | it stays, and is there again on the other host |

One thread looks, hears and refreshes; `tell` and `pack` are for any thread.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import IO, Final, Protocol

from simulacra.actors.cluster.lattice import covers
from simulacra.actors.data.entries import GIT, ROOT, Path, is_ours, join
from simulacra.actors.data.git import state as git_state
from simulacra.actors.data.git import sync
from simulacra.actors.data.git.creating import create, lead
from simulacra.actors.data.git.repository import Held, find
from simulacra.actors.data.git.state import State, StateError
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.repositories_here import RepositoriesHere, is_there
from simulacra.actors.data.trees.repository_aside import set_aside
from simulacra.actors.data.trees.repository_messages import ToldRepositories

TRIES: Final = 5
"""So often something is tried before other hosts are said to be heard without it: its user may be
at it for a moment."""


class Remote(Protocol):
    """Another host's repositories of the same tree."""

    host: str

    def repositories(self, known: dict[bytes, bytes]) -> ToldRepositories:
        """What is in those that are not as known.

        Raises:
            MissingError: it does not answer.
        """

    def history(
        self, path: Path, wanted: Sequence[str], have: Sequence[str], shallow: Sequence[str]
    ) -> IO[bytes]:
        """A pack of objects, from its beginning.

        Raises:
            MissingError: it does not answer, or cannot make one now.
        """


class _LaterError(Exception):
    """Something is to be tried again before others can be said to be heard."""


class Repositories(RepositoriesHere):
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
        super().__init__(place, wanted, now)
        self._waiting: dict[tuple[str, Path], str] = {}
        self._heard: dict[str, dict[Path, bytes]] = {}
        self._undone: dict[str, set[Path]] = {}
        self._failed: dict[tuple[str, Path], int] = {}

    @property
    def reasons(self) -> dict[Path, str]:
        """Why repositories are left as they are, by the paths of their git folders."""
        waiting = {path: reason for (_, path), reason in sorted(self._waiting.items())}
        return {join(path, GIT): why for path, why in sorted({**waiting, **self._held}.items())}

    def hear(self, remote: Remote) -> tuple[bytes, bool]:
        """Take in what another host has.

        Returns:
            The digest of what it has, and whether all of it was seen to, be it held.

        Raises:
            MissingError: it does not answer.
            OSError: the disk does not take what is to be kept.
        """
        heard = self._heard.setdefault(remote.host, {})
        seen_to = True
        tried: dict[Path, bytes] = {}
        while True:
            told = remote.repositories({**heard, **tried})
            self._drop_heard(remote.host, told)
            self._bury(told)
            fresh = [path for path in told.states if tried.get(path) != told.tokens.get(path)]
            for path in sorted(fresh):
                tried[path] = token = told.tokens[path]
                try:
                    if self._meet(path, told.states[path], remote):
                        heard[path] = token
                except (_LaterError, MissingError) as error:
                    self._waiting[remote.host, path] = str(error)
                    seen_to = False
            if not fresh:
                break
        self._undone[remote.host] = {path for path in tried if heard.get(path) != tried[path]}
        self._show()
        return told.digest, seen_to

    def is_waiting_for(self, host: str) -> bool:
        """Whether something of what a host has could not be taken yet."""
        return bool(self._undone.get(host))

    def _drop_heard(self, host: str, told: ToldRepositories) -> None:
        heard = self._heard[host]
        for path in heard.keys() - told.tokens.keys():
            del heard[path]
        for each, path in list(self._waiting):
            if each == host and path not in told.tokens:
                del self._waiting[each, path]

    def _bury(self, told: ToldRepositories) -> None:
        """What was deleted elsewhere is deleted here; submodules before what they are in."""
        for path, context in sorted(told.gone.items(), reverse=True):
            if _is_path(path):
                self._table.bury(path, context)
            if path not in self._table.here or not is_there(self._path(path)):
                continue
            repository = self._describe(path)
            if repository is None or self._seen[path].state.held:
                continue
            if self._table.is_deleted(path, self._seen[path].state.history.context):
                set_aside(self._root, repository, self._now())
                self._forget(path)

    def _meet(self, path: Path, packed: bytes, remote: Remote) -> bool:
        """Take in what is in one repository; whether that is done with, until it changes."""
        waiting = remote.host, path
        self._waiting.pop(waiting, None)
        if not _is_path(path):
            self._waiting[waiting] = f"{remote.host} has a repository where none can be"
            return True
        try:
            theirs = State.from_plain(git_state.unpack(packed))
        except StateError as error:
            self._waiting[waiting] = f"what {remote.host} says of it is nothing known: {error}"
            return True
        if not self._wanted(join(path, GIT)):
            return True
        if theirs.held:
            self._waiting[waiting] = f"on {remote.host}: {theirs.held}"
            return True
        try:
            there = is_there(self._path(path))
            if there is None:
                raise _LaterError("it cannot be read")
            if there and not self._take(path, theirs, remote):
                return False
            if not there and not self._table.is_deleted(path, theirs.history.context):
                self._create(path, theirs, remote)
        except Held as held:
            self._failed[waiting] = self._failed.get(waiting, 0) + 1
            if self._failed[waiting] < TRIES:
                raise _LaterError(str(held)) from held
            self._waiting[waiting] = str(held)
            return False
        self._failed.pop(waiting, None)
        return True

    def _take(self, path: Path, theirs: State, remote: Remote) -> bool:
        repository = self._describe(path)
        if repository is None:
            return False
        mine = self._seen[path].state
        if mine.held:
            return False
        if _is_known(mine, theirs):
            return True
        packed = self._fetch(path, theirs, mine, remote)
        try:
            now = self._now()
            outcome = sync.take(repository, packed, theirs, self._place.host, now)
        finally:
            if packed is not None:
                packed.close()
        del self._seen[path]
        self._describe(path)
        if outcome.held:
            raise Held(outcome.held)
        if outcome.changed:
            self._stale.add(path)
        return True

    def _create(self, path: Path, theirs: State, remote: Remote) -> None:
        place = self._path(path)
        if not _is_folder(place):
            raise _LaterError("it comes once its folder is here")
        folder = FilePath(os.path.normpath(place / theirs.folder))
        if folder != place / ".git" and not theirs.bare:
            above = FilePath(str(folder).partition("/.git/")[0]) / ".git"
            if not (above / "HEAD").exists():
                raise _LaterError("it comes once the repository is here that it is a submodule of")
            if (folder / "HEAD").exists():
                lead(self._root, place, folder)
                self._take(path, theirs, remote)
                return
        packed = self._fetch(path, theirs, None, remote)
        try:
            create(self._root, place, packed, theirs, self._place.host)
        finally:
            if packed is not None:
                packed.close()
        self._describe(path)
        self._stale.add(path)

    @staticmethod
    def _fetch(path: Path, theirs: State, mine: State | None, remote: Remote) -> IO[bytes] | None:
        wanted = theirs.objects() if mine is None else sync.lacking(theirs, mine)
        if not wanted:
            return None
        have, shallow = ([], ()) if mine is None else (sorted(mine.objects()), mine.shallow)
        return remote.history(path, sorted(wanted), have, shallow)

    # -- after the files came

    def refresh(self) -> None:
        """Have the indexes of those that were changed know the files that came since."""
        for path in sorted(self._stale):
            try:
                clean = sync.refresh(find(self._root, self._path(path)))
            except (Held, OSError):
                continue
            if clean:
                self._stale.discard(path)


def _is_known(mine: State, theirs: State) -> bool:
    """Whether nothing is new in what another has."""
    difference = mine.history.difference(theirs.history)
    changes = difference.adds or difference.drops
    return not changes and covers(mine.history.context, theirs.history.context)


def _is_path(path: Path) -> bool:
    """Whether a repository may be at a path that another host says."""
    parts = path.split(b"/")
    odd = is_ours(path) or b"\0" in path or {b".", b".."} & {*parts}
    return path == ROOT or not (odd or b"" in parts)


def _is_folder(place: FilePath) -> bool:
    try:
        return stat.S_ISDIR(place.lstat().st_mode)
    except OSError:
        return False
