"""What other hosts have in the git repositories of one tree, and how this host comes to have it.

What is in those that are here is asked for by others (`repositories_here`), and theirs is taken in
(`hear`). What cannot be exchanged now is left as it is (`reasons` says why).

| there | here | what is done |
| --- | --- | --- |
| a repository | one | each takes from the other what it lacks (`git.sync`) |
| a repository | none, and its folder is here | it is made, whole or not at all (`git.creating`) |
| a repository | none, nor its folder | nothing yet: the tree brings the folder |
| deleted | one that knows no more | it is set aside in the tree's quarantine, for `KEPT_NS` |
| deleted | one that went on | it stays, and is there again on the other host |

One thread hears, the one that changes what is here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final, Protocol

from simulacra.actors.cluster.lattice import covers
from simulacra.actors.data.entries import GIT, ROOT, Path, is_ours, join
from simulacra.actors.data.git import state as git_state
from simulacra.actors.data.git import sync
from simulacra.actors.data.git.repository import Held
from simulacra.actors.data.git.state import State, StateError
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.repositories_here import RepositoriesHere, TooSoonError
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


class Repositories:
    """See the module.

    Args:
        here: those that are on this host.

    Attributes:
        here: the same.
    """

    def __init__(self, here: RepositoriesHere) -> None:
        self.here = here
        self._waiting: dict[tuple[str, Path], str] = {}
        self._heard: dict[str, dict[Path, bytes]] = {}
        self._undone: dict[str, set[Path]] = {}
        self._failed: dict[tuple[str, Path], int] = {}

    @property
    def reasons(self) -> dict[Path, str]:
        """Why repositories are left as they are, by the paths of their git folders."""
        waiting = {path: reason for (_, path), reason in sorted(self._waiting.items())}
        return {join(path, GIT): why for path, why in sorted({**waiting, **self.here.held}.items())}

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
                except (TooSoonError, MissingError) as error:
                    self._waiting[remote.host, path] = str(error)
                    seen_to = False
            if not fresh:
                break
        self._undone[remote.host] = {path for path in tried if heard.get(path) != tried[path]}
        self.here.show()
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
                self.here.bury(path, context)

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
        if not self.here.is_wanted(path):
            return True
        if theirs.held:
            self._waiting[waiting] = f"on {remote.host}: {theirs.held}"
            return True
        try:
            there = self.here.is_there(path)
            if there is None:
                raise TooSoonError("it cannot be read")
            if there and not self._take(path, theirs, remote):
                return False
            if not there and not self.here.is_deleted(path, theirs.history.context):
                self._create(path, theirs, remote)
        except Held as held:
            self._failed[waiting] = self._failed.get(waiting, 0) + 1
            if self._failed[waiting] < TRIES:
                raise TooSoonError(str(held)) from held
            self._waiting[waiting] = str(held)
            return False
        self._failed.pop(waiting, None)
        return True

    def _take(self, path: Path, theirs: State, remote: Remote) -> bool:
        mine = self.here.describe(path)
        if mine is None or mine.held:
            return False
        if not _is_known(mine, theirs):
            with _fetched(path, theirs, mine, remote) as packed:
                self.here.take(path, theirs, packed)
        return True

    def _create(self, path: Path, theirs: State, remote: Remote) -> None:
        if self.here.lead_to(path, theirs):
            self._take(path, theirs, remote)
            return
        with _fetched(path, theirs, None, remote) as packed:
            self.here.create(path, theirs, packed)


@contextmanager
def _fetched(
    path: Path, theirs: State, mine: State | None, remote: Remote
) -> Iterator[IO[bytes] | None]:
    """The objects that are not here, packed; None where there are none."""
    wanted = theirs.objects() if mine is None else sync.lacking(theirs, mine)
    if not wanted:
        yield None
        return
    have, shallow = ([], ()) if mine is None else (sorted(mine.objects()), mine.shallow)
    with remote.history(path, sorted(wanted), have, shallow) as packed:
        yield packed


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
