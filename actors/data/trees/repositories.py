"""The git repositories in one tree, as this host has them: what is in them travels by git.

The scan of the tree meets them (`Repositories.look`); what is in them is asked for by other hosts
(`tell`, `pack`), and theirs is taken in (`hear`). A *token* stands for all that is in one: who
knows it need not ask again. What cannot be exchanged now is left as it is (`reasons` says why).

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
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import IO, Final, Protocol

from blake3 import blake3

from simulacra.actors.cluster.lattice import covers
from simulacra.actors.data.entries import GIT, ROOT, Path, is_ours, join
from simulacra.actors.data.git import state as git_state
from simulacra.actors.data.git import sync
from simulacra.actors.data.git.creating import create, lead
from simulacra.actors.data.git.repository import Held, Repository, find, is_bare
from simulacra.actors.data.git.stamps import Stamp, stamp
from simulacra.actors.data.git.state import State, StateError
from simulacra.actors.data.trees.contents import MissingError
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.repository_aside import set_aside
from simulacra.actors.data.trees.repository_conflicts import Conflict, listed
from simulacra.actors.data.trees.repository_messages import ToldRepositories
from simulacra.actors.data.trees.repository_table import Known, Table

MOST_TOLD: Final = 4 << 20
"""Bytes of states in one answer; who has not got all asks for the others."""

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


@dataclass(frozen=True, slots=True)
class _Seen:
    """A repository as it was looked at last."""

    stamp: Stamp
    state: State
    token: bytes
    packed: bytes


_NOT_SEEN: Final = Known((0, 0), {})
"""A repository into which nobody has looked yet: if it is deleted nothing is known to be."""


class _LaterError(Exception):
    """Something is to be tried again before others can be said to be heard."""


class Repositories:
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
        self._waiting: dict[tuple[str, Path], str] = {}
        self._heard: dict[str, dict[Path, bytes]] = {}
        self._undone: dict[str, set[Path]] = {}
        self._failed: dict[tuple[str, Path], int] = {}
        self._stale: set[Path] = set()
        self._conflicts: dict[Path, list[Conflict]] = {}

    # -- what is here

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
            there = _is_there(self._path(path))
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

    @property
    def reasons(self) -> dict[Path, str]:
        """Why repositories are left as they are, by the paths of their git folders."""
        waiting = {path: reason for (_, path), reason in sorted(self._waiting.items())}
        return {join(path, GIT): why for path, why in sorted({**waiting, **self._held}.items())}

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

    # -- what others have

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
            if path not in self._table.here or not _is_there(self._path(path)):
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
            there = _is_there(self._path(path))
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

    def _path(self, path: Path) -> FilePath:
        return self._root / os.fsdecode(path)


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


def _is_there(place: FilePath) -> bool | None:
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


def _is_folder(place: FilePath) -> bool:
    try:
        return stat.S_ISDIR(place.lstat().st_mode)
    except OSError:
        return False
